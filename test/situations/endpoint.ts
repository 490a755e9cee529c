/** One AWS: where it is, and how an action is run against it. */
export interface Endpoint {
  name: string;
  url: string;
  /** Access keys of the account that the situations are played in. */
  credentials: { accessKeyId: string; secretAccessKey: string };
  run(action: string, inputs: Record<string, string>, workspace: string): Promise<ActionRun>;
}

/** What an action's run came to. */
export interface ActionRun {
  ok: boolean;
  outputs: Record<string, string>;
  log: string;
}
