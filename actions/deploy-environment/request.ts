import { type EnvironmentRequest, openEnvironment } from '../../src/environment/run/context.ts';
import type { Run } from './commands.ts';

/** The action's inputs in the names of src/environment. */
export function environmentRequest({ inputs, context, manifest, choice }: Run): EnvironmentRequest {
  const { env, github, workspace } = context;
  const upstream = manifest.environments[choice.environment.promoteFrom ?? ''];
  return {
    manifest,
    choice,
    images: inputs.images,
    allowReplace: inputs['allow-replace'],
    allowDelete: inputs['allow-delete'],
    scan: inputs.scan,
    lockMs: inputs['lock-timeout'],
    timeoutMs: inputs.timeout,
    ...(upstream && {
      upstream: {
        name: upstream.name,
        open: () =>
          openEnvironment({
            context,
            env,
            github,
            workspace,
            environment: upstream,
            role: upstream.readRole,
          }),
      },
    }),
  };
}
