import type { ECRClient } from '@aws-sdk/client-ecr';
import { ecrClient } from '../../aws/clients/ecr.ts';
import { ecsClient } from '../../aws/clients/ecs.ts';
import { elbClient } from '../../aws/clients/elb.ts';
import { logsClient } from '../../aws/clients/logs.ts';
import { ssmClient } from '../../aws/clients/ssm.ts';
import type { Session } from '../../aws/session.ts';
import type { EcsContext } from '../../ecs/context.ts';
import type { Context } from '../../runtime/context.ts';
import type { LedgerContext } from '../ledger.ts';

/** What the release of a service works with: one account and region. */
export interface ServiceContext extends EcsContext, LedgerContext {
  /** Of a smoke test's command. */
  env: NodeJS.ProcessEnv;
  ecr(): Promise<ECRClient>;
}

/** A context over a session. Each client is opened when it is first asked for. */
export function serviceContext(session: Session, context: Context, env: NodeJS.ProcessEnv): ServiceContext {
  return {
    ...context,
    region: session.region,
    env,
    ecs: once(() => ecsClient(session, context)),
    elb: once(() => elbClient(session, context)),
    logs: once(() => logsClient(session, context)),
    ssm: once(() => ssmClient(session, context)),
    ecr: once(() => ecrClient(session, context)),
  };
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}
