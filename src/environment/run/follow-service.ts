import type { Session } from '../../aws/session.ts';
import type { StackCommandContext } from '../../cloudformation/command-run.ts';
import type { FollowService } from '../../cloudformation/execution/services.ts';
import type { Context } from '../../core/context.ts';
import type { EcsContext } from '../../ecs/service.ts';
import type { ServiceContext } from '../../delivery/release/request.ts';

/** Reads the revision that a service is deploying or running. The code is loaded on first use. */
export function runningRevisionIn(
  session: Session,
  context: Context,
  env: NodeJS.ProcessEnv,
): NonNullable<StackCommandContext['runningRevision']> {
  return async (arn) => {
    const { serviceContext } = await import('../../delivery/release/request.ts');
    return await runningRevisionOf(serviceContext(session, context, env), arn);
  };
}

/**
 * The revision that a service is deploying or running, as `family:revision`; undefined if the service does not exist.
 */
export async function runningRevisionOf(context: EcsContext, arn: string): Promise<string | undefined> {
  const [{ addressOfArn }, { readRunningRevision }] = await Promise.all([
    import('../../ecs/service.ts'),
    import('../../ecs/running-revision.ts'),
  ]);
  return (await readRunningRevision(context, addressOfArn(arn)))?.name;
}

/** Follows the ECS services of a stack by their tasks. The code is loaded on first use. */
export function followServiceIn(session: Session, context: Context, env: NodeJS.ProcessEnv): FollowService {
  let services: ServiceContext | undefined;
  return async (service, signal) => {
    const [{ serviceContext }, { followChangedService }] = await Promise.all([
      import('../../delivery/release/request.ts'),
      import('../../delivery/rollout/follow-changed-service.ts'),
    ]);
    services ??= serviceContext(session, context, env);
    return followChangedService(services, service, signal);
  };
}
