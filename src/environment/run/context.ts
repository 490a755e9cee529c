import { setMaxListeners } from 'node:events';
import { cloudFormationClient } from '../../aws/clients.ts';
import { BaseDigests } from '../../images/bases.ts';
import { createSession, requireSessionAccount, type Session } from '../../aws/session.ts';
import type { RunIdentity } from '../../cloudformation/command-run.ts';
import { type ListingContext, StackListing } from '../../cloudformation/listing.ts';
import type { Context } from '../../core/context.ts';
import { type Slots, withTimeLimit } from '../../core/concurrency.ts';
import type { Approval, ApprovalRequest } from '../../delivery/approval.ts';
import { holdParameter } from '../../delivery/hold.ts';
import { environmentLock, withLock } from '../../delivery/lock.ts';
import type { OrderRules } from '../../delivery/order-check.ts';
import { serviceContext, type ServiceContext } from '../../delivery/release/request.ts';
import type { Checkout } from '../../github/checkout.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { BuildValues } from '../service/build-values.ts';
import type { Severity } from '../../images/scan.ts';
import type { Environment, Manifest, ServicePlace } from '../manifest/manifest.ts';
import type { Choice } from './targets.ts';

/** The context of a run on one environment. */
export interface EnvironmentContext extends Context {
  env: NodeJS.ProcessEnv;
  github: GitHubContext;
  /** The commit to deploy. */
  commit: Checkout;
  /** Absolute path. */
  workspace: string;
  session: Session;
  /** The role of the session. Absent: the job's own credentials. */
  role: string | undefined;
  /** The stacks that the run has read. */
  listing: StackListing;
  /** Created on first use. */
  cloudFormation(): Promise<ListingContext>;
  /** Who approved the change to the environment. */
  approvals?: readonly Approval[];
  /** Clients of ECS, ECR, SSM and so on, each created on first use. */
  services: ServiceContext;
  /** Digests of the base images of the images that the run builds. */
  bases: BaseDigests;
  /** Limits parallel builds; absent if nothing is built. */
  builds?: Slots;
}

/** The approvals of a run, for its record; empty if none was required. */
export function approvalsIn({ approvals = [] }: EnvironmentContext): { approvals?: readonly Approval[] } {
  return approvals.length > 0 ? { approvals } : {};
}

interface Opening {
  context: Context;
  env: NodeJS.ProcessEnv;
  github: GitHubContext;
  commit: Checkout;
  workspace: string;
  environment: Pick<Environment, 'region'>;
  /** Absent: the job's own credentials. */
  role: string | undefined;
  /** Shared by the run, if it works in several accounts or regions. */
  bases?: BaseDigests;
  builds?: Slots;
}

/** Creates the clients of an environment's account, without any call. */
export function openEnvironmentContext({
  context,
  env,
  github,
  commit,
  workspace,
  environment,
  role,
  bases = new BaseDigests(),
  builds,
}: Opening): EnvironmentContext {
  // Many stacks wait on the same signal, which is not a leak.
  setMaxListeners(0, context.signal);
  const session = createSession({ region: environment.region, roleToAssume: role, context, env });
  return {
    ...inSession(context, session, env),
    role,
    github,
    commit,
    workspace,
    env,
    bases,
    ...(builds && { builds }),
  };
}

function inSession(context: Context, session: Session, env: NodeJS.ProcessEnv) {
  let client: ReturnType<typeof cloudFormationClient> | undefined;
  const listing = new StackListing();
  return {
    ...context,
    session,
    services: serviceContext(session, context, env),
    listing,
    cloudFormation: async (): Promise<ListingContext> => {
      client ??= cloudFormationClient(session, context);
      return { ...context, session, listing, client: await client };
    },
  };
}

/** The same environment with another signal, log or urgency. */
export function withOverrides(
  context: EnvironmentContext,
  change: Partial<Pick<Context, 'signal' | 'log' | 'urgency'>>,
): EnvironmentContext {
  return {
    ...context,
    ...change,
    services: { ...context.services, ...change },
    cloudFormation: async () => ({ ...(await context.cloudFormation()), ...change }),
  };
}

/** The context of an existing service: the environment's own, unless the service is elsewhere. */
export function contextAt(
  context: EnvironmentContext,
  environment: Environment,
  place: ServicePlace,
  access: 'read' | 'change',
): EnvironmentContext {
  const own = access === 'read' ? place.readRole : place.role;
  const isInOwnAccount = place.account === environment.account;
  if (own === undefined && isInOwnAccount && place.region === environment.region) return context;
  // A role belongs to one account.
  const role = own ?? (isInOwnAccount ? context.role : undefined);
  return openEnvironmentContext({ ...context, context, environment: place, role });
}

/**
 * Rejects credentials of an account that is not the manifest's, where stacks and services of the same names may exist.
 *
 * @throws WrongAccountError with both accounts.
 */
export async function requireAccounts(
  context: EnvironmentContext,
  { environment, existing }: Choice,
  { file, lineOf }: Manifest,
  access: 'read' | 'change',
): Promise<void> {
  const { session } = context;
  const places = existing.map(({ name, place }) => ({
    name: `${name} of ${environment.name}`,
    account: place.account,
    path: ['services', name, 'environments', environment.name, 'account'],
    session: contextAt(context, environment, place, access).session,
  }));
  const all = [
    {
      name: environment.name,
      account: environment.account,
      path: ['environments', environment.name, 'account'],
      session,
    },
    ...places.filter((place) => place.session !== session),
  ];
  await Promise.all(
    all.map(({ name, account, path, session: own }) => {
      const at = { file, line: lineOf(path) };
      return requireSessionAccount(
        own,
        account,
        (actual) =>
          `The credentials belong to account ${actual}, but ${file}:${at.line} has ${name} in ${account}. Nothing was changed.`,
        {
          fix: `Use credentials or a role of account ${account} (role in ${file}, or role-to-assume), or correct the account in ${file}.`,
          at,
        },
      );
    }),
  );
}

/** The identity that CloudFormation changes are attributed to. */
export function runIdentity({ github, workspace }: EnvironmentContext): RunIdentity {
  return { id: github.runId, attempt: github.runAttempt, workspace, actor: github.actor };
}

/** The request of a run on an environment. */
export interface EnvironmentRequest extends BuildValues {
  manifest: Manifest;
  choice: Choice;
  /** Digest or `repository@digest`, by service. */
  images: Readonly<Record<string, string>>;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  allowTrafficReset: readonly string[];
  /** The lowest severity that blocks a built image. */
  scan: Severity | 'off';
  lockMs: number;
  timeoutMs: number;
  /** Whether a stack stops waiting for a service without a circuit breaker whose tasks fail. */
  failFast: boolean;
  order: OrderRules;
  /** For a plan, the commit to compare files with. If no relevant file differs, nothing is planned. */
  since?: {
    commit: string;
    /** The changed files, relative to the workspace; undefined if they cannot be determined. */
    changed: () => Promise<readonly string[] | undefined>;
  };
  approval: ApprovalRequest;
  /** The reason for bypassing a hold in this run. */
  bypassReason?: string;
  /** The environment that images are promoted from. Its context is created on first use. */
  upstream?: { name: string; account: string; open: () => EnvironmentContext };
}

/** The parameter of the environment's hold. */
export function holdOf({ manifest, choice }: EnvironmentRequest): string {
  return holdParameter({ project: manifest.project, environment: choice.environment.name });
}

/** The hold that a service's release checks again; none if it is bypassed. */
export function releaseHold(request: EnvironmentRequest): { hold?: string } {
  return request.bypassReason === undefined ? { hold: holdOf(request) } : {};
}

/**
 * Runs the work while holding the environment's lock, within the run's time limit.
 *
 * @throws LockTakenError if another run holds the lock for longer than the request waits.
 */
export async function withEnvironmentLock<T>(
  context: EnvironmentContext,
  { manifest, choice, lockMs, timeoutMs }: EnvironmentRequest,
  work: (context: EnvironmentContext) => Promise<T>,
): Promise<T> {
  const { github } = context;
  const environment = choice.environment.name;
  const lock = {
    ...environmentLock({ project: manifest.project, environment }),
    who: github.actor,
    run: github.runUrl,
    waitMs: lockMs,
  };
  const limit = { what: `The work on ${environment}`, timeoutMs };
  return await withTimeLimit(context, limit, async (signal) => {
    const limited = withOverrides(context, { signal });
    return await withLock(limited.services, lock, (locked) => {
      // Many stacks wait on the same signal, which is not a leak.
      setMaxListeners(0, locked);
      return work(withOverrides(limited, { signal: locked }));
    });
  });
}
