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
import type { OrderRules } from '../order-check.ts';
import type { RollbackChoice } from '../rollback-target.ts';
import type { ReleaseSource } from '../source.ts';

/** What happens when a deployment fails or times out, or the job is cancelled. */
type OnFailure = 'rollback' | 'stop' | 'keep';

/** A command that runs before the service changes. */
export interface PreDeploy {
  command: readonly string[];
  /** `always`: even if the service already runs the revision. */
  when: 'change' | 'always';
}

/** A service, and how to change it. */
export interface ServiceTarget {
  /** Name or ARN. */
  cluster: string;
  service: string;
  /** The container that the image is for. Absent: the main container. */
  container?: string;
  /** Subject of a timeout message. Default: the release of the service. */
  what?: string;
  /**
   * False: the deployment is not waited for. The verdict is `deployed`, and the reason says that it is not verified.
   */
  wait: boolean;
  timeoutMs: number;
  onFailure: OnFailure;
  /** Where a good release is recorded. */
  ledger?: LedgerNames;
  /** How long to wait for another release of the service, in milliseconds. */
  lockWaitMs: number;
  /** The reason for requesting another release of the service to stop. Absent: it is waited for. */
  stopHolder?: string;
  origin: Origin;
}

/** Origin of the release, for the ledger. */
interface Origin extends Pick<Release, 'run' | 'actor' | 'approvals' | 'from' | 'bypass' | 'rolledBackFrom'> {
  /** Absent: the source of the image's last release, as for a rollback. */
  source?: ReleaseSource;
}

/** A release of one service. */
export interface ServiceRequest extends ServiceTarget {
  /** The base of the new revision. Default: the service's current revision. */
  source: TaskDefinitionSource;
  changes: TaskDefinitionChanges;
  desiredCount?: number;
  /** Restart all tasks even if the revision stays the same. */
  forceNewDeployment?: boolean;
  /**
   * The revision that ran before, if a stack has already rolled out the new one, which is then verified like a
   * deployment.
   */
  rolledOutOver?: string;
  /** Runs before the service changes, as a task of the new revision in the service's network. */
  preDeploy?: PreDeploy;
  smokeTest?: SmokeTest;
  /** Required signer of the main container's image. Absent: no signature is required. */
  signer?: ExpectedSigner;
  /** Absent if older releases are allowed, such as for a rollback. */
  order?: OrderRules;
  /** The hold parameter to check. Absent if holds do not apply: a rollback, a restart, the same image. */
  hold?: string;
  /** The ledger keeps its release, for example for a restart. */
  isUnrecorded?: true;
  /** The caller holds the lock of the service. */
  lockHeld?: true;
  /** How many revisions of the family to keep. Others are deregistered, unless they are running. */
  keepRevisions?: number;
}

export type SmokeTest =
  | {
      kind: 'url';
      url: string;
      /** Lowest and highest status that passes. */
      status: readonly [number, number];
      /** Text that the body must contain. */
      body?: string;
      timeoutMs: number;
    }
  | { kind: 'command'; command: readonly [string, ...string[]]; timeoutMs: number };

/** Replaces the tasks of the running revision with new ones. */
export interface RestartRequest extends ServiceTarget {
  smokeTest?: SmokeTest;
}

/** A rollback to an earlier release. */
export interface RollbackRequest extends ServiceTarget {
  /** Revision to roll back to, regardless of the history: `family:revision` or an ARN. */
  to?: string;
  /** Which good release to roll back to, without `to`. Default: the previous one. */
  choice?: RollbackChoice;
  /** Whether later rollbacks skip the current release. Default: true. */
  marksRolledBack?: boolean;
}

/** The context for a service's release: one account and region. */
export interface ServiceContext extends EcsContext, LedgerContext {
  /** Environment of a smoke test's command. */
  env: NodeJS.ProcessEnv;
  /** ECR client of a region. Default: the context's own. */
  ecr(region?: string): Promise<ECRClient>;
  iam(): Promise<IAMClient>;
  secretsManager(): Promise<SecretsManagerClient>;
}

/** Creates a context from a session. Each client is created on first use. */
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
