import type { ExpectedSigner } from '../../images/signature/expected.ts';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  ecrClient,
  ecsClient,
  elbClient,
  iamClient,
  logsClient,
  secretsClient,
  ssmClient,
} from '../../aws/clients.ts';
import type { Session } from '../../aws/session.ts';
import type { Context } from '../../core/context.ts';
import type { EcsContext } from '../../ecs/service.ts';
import type {
  TaskDefinitionChanges,
  TaskDefinitionSource,
} from '../../ecs/task-definition/task-definition.ts';
import type { LedgerContext, LedgerNames, Release } from '../ledger.ts';
import type { OrderRules } from '../order-judge.ts';
import type { RollbackChoice } from '../rollback-target.ts';
import type { ReleaseSource } from '../source.ts';

/** What is done about a deployment that fails, runs out of time, or whose job is cancelled. */
type OnFailure = 'rollback' | 'stop' | 'keep';

/** A command that is run before the service is changed. */
export interface PreDeploy {
  command: readonly string[];
  /** `always`: also when the service runs the revision already. */
  when: 'change' | 'always';
}

/** Which service, and how to go about it. */
export interface ServiceTarget {
  /** Name or ARN. */
  cluster: string;
  service: string;
  /** The container that the image is for. Absent: the main container. */
  container?: string;
  /** What a time-out names; default, the release of the service. */
  what?: string;
  /** False: the deployment is started and not watched. The verdict is `deployed`, and the reason says it is unproven. */
  wait: boolean;
  timeoutMs: number;
  onFailure: OnFailure;
  /** Where the release is written once it is good. */
  ledger?: LedgerNames;
  /** How long to wait for another release of the service, in ms. */
  lockWaitMs: number;
  /** Asks another release of the service to stop, for this reason. */
  stopHolder?: string;
  origin: Origin;
}

/** What is released, and by whom, for the ledger. */
interface Origin extends Pick<Release, 'run' | 'actor' | 'approvals' | 'from' | 'bypass' | 'rolledBackFrom'> {
  /** Absent: that of the image's last release, as for a rollback. */
  source?: ReleaseSource;
}

/** A release of one service. */
export interface ServiceRequest extends ServiceTarget {
  /** What the new revision is made from; default, the service's own. */
  source: TaskDefinitionSource;
  changes: TaskDefinitionChanges;
  desiredCount?: number;
  /** Start all tasks again, also where the revision stays the same. */
  forceNewDeployment?: boolean;
  /** The revision that ran before, where a stack has rolled the new one out: proven and tested as a deployment. */
  rolledOutOver?: string;
  /** Run to its end before the service is touched, as a task of the new revision in the service's own network. */
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Who must have signed the image of the main container. Absent: no signature is required. */
  signer?: ExpectedSigner;
  /** Absent for what may go back, such as a rollback. */
  order?: OrderRules;
  /** The parameter of the hold that stops it. Absent for what a hold permits: a rollback, a restart, the same image. */
  hold?: string;
  /** The ledger keeps its release, such as for a restart. */
  isUnrecorded?: true;
  /** The caller holds the lock of the service. */
  lockHeld?: true;
  /** How many revisions of the family are kept; the others are deregistered, never one that runs. */
  keepRevisions?: number;
}

export type SmokeTest =
  | {
      kind: 'url';
      url: string;
      /** Lowest and highest status that passes. */
      status: readonly [number, number];
      /** A text that the body must have. */
      body?: string;
      timeoutMs: number;
    }
  | { kind: 'command'; command: readonly [string, ...string[]]; timeoutMs: number };

/** New tasks of the revision that runs. */
export interface RestartRequest extends ServiceTarget {
  smokeTest?: SmokeTest;
}

/** A way back to what ran before. */
export interface RollbackRequest extends ServiceTarget {
  /** A revision to go back to, whatever the history has: `family:revision` or an ARN. */
  to?: string;
  /** Which good release to go back to, without `to`. Default, the one before. */
  choice?: RollbackChoice;
  /** Whether what runs is given up, so that no later rollback chooses it. Default, true. */
  givesUpCurrent?: boolean;
}

/** What the release of a service works with: one account and region. */
export interface ServiceContext extends EcsContext, LedgerContext {
  /** Of a smoke test's command. */
  env: NodeJS.ProcessEnv;
  /** ECR of a region; default, the context's own. */
  ecr(region?: string): Promise<ECRClient>;
  iam(): Promise<IAMClient>;
  secretsManager(): Promise<SecretsManagerClient>;
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
    ecr: byRegion((region) => ecrClient({ ...session, region }, context), session.region),
    iam: once(() => iamClient(session, context)),
    secretsManager: once(() => secretsClient(session, context)),
  };
}

function byRegion<T>(
  open: (region: string) => Promise<T>,
  ownRegion: string,
): (region?: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (region = ownRegion) => {
    const known = opened.get(region) ?? open(region);
    opened.set(region, known);
    return known;
  };
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}
