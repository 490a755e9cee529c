/** One AWS: where it is, and how an action is run against it. */
export interface Endpoint {
  name: string;
  url: string;
  /** Access keys of the account that the situations are played in. */
  credentials: { accessKeyId: string; secretAccessKey: string };
  run: RunOnEndpoint;
}

export type RunOnEndpoint = (
  action: string,
  inputs: Record<string, string>,
  workspace: string,
) => Promise<ActionRun>;

/** The endpoint that the SDK's variables of an environment name. */
export function endpointOf(name: string, env: Record<string, string>, run: RunOnEndpoint): Endpoint {
  return {
    name,
    url: env['AWS_ENDPOINT_URL'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
    run,
  };
}

/** What an action's run came to. */
export interface ActionRun {
  ok: boolean;
  outputs: Record<string, string>;
  log: string;
}
