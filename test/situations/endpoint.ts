/** An AWS endpoint, and how to run an action against it. */
export interface Endpoint {
  name: string;
  url: string;
  /** Access keys of the account of the situations. */
  credentials: { accessKeyId: string; secretAccessKey: string };
  run: RunOnEndpoint;
}

export type RunOnEndpoint = (
  action: string,
  inputs: Record<string, string>,
  workspace: string,
) => Promise<ActionRun>;

/** The endpoint in the SDK's variables of an environment. */
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

/** The result of an action's run. */
export interface ActionRun {
  ok: boolean;
  outputs: Record<string, string>;
  log: string;
}
