import type { Session } from '../../aws/session.ts';
import type { FollowService } from '../../cloudformation/execution/services.ts';
import type { Context } from '../../core/context.ts';
import type { ServiceContext } from '../../delivery/release/request.ts';

/** Follows the ECS services of a stack by their tasks. What that takes is loaded for the first of them. */
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
