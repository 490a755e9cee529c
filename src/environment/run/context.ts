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
import type { OrderRules } from '../../delivery/order-judge.ts';
import { serviceContext, type ServiceContext } from '../../delivery/release/request.ts';
import type { Checkout } from '../../github/checkout.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { BuildValues } from '../service/build-values.ts';
import type { Severity } from '../../images/scan.ts';
import type { Environment, Manifest, ServicePlace } from '../manifest/manifest.ts';
import type { Choice } from './targets.ts';

/** What a run on one environment works with. */
export interface EnvironmentContext extends Context {
  env: NodeJS.ProcessEnv;
  github: GitHubContext;
  /** The commit that is deployed. */
  commit: Checkout;
  /** Absolute path. */
  workspace: string;
  session: Session;
  /** What the session was opened by. Absent: the job's own credentials. */
  role: string | undefined;
  /** What the run has read of its stacks. */
  listing: StackListing;
  /** Opened when it is first asked for. */
  cloudFormation(): Promise<ListingContext>;
  /** Who approved that the run changes the environment. */
  approvals?: readonly Approval[];
  /** ECS, ECR, SSM and the like, each client opened when it is first asked for. */
  services: ServiceContext;
  /** Of the images that the run builds. */
  bases: BaseDigests;
  /** How many of them are built at once; absent where none is built. */
  builds?: Slots;
}

/** The approvals of a run as a record has them: none where nobody was asked. */
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
  /** Those of the run, where it is at several places. */
  bases?: BaseDigests;
  builds?: Slots;
}

/** Opens an environment's account, without a call. */
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
  // Many stacks wait on one signal at once, and that is no leak.
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

/** The same environment under another signal, log or urgency. */
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

/** The context of a service that exists already: the environment's own, unless the service is elsewhere. */
export function contextAt(
  context: EnvironmentContext,
  environment: Environment,
  place: ServicePlace,
  access: 'read' | 'change',
): EnvironmentContext {
  const own = access === 'read' ? place.readRole : place.role;
  const isInOwnAccount = place.account === environment.account;
  if (own === undefined && isInOwnAccount && place.region === environment.region) return context;
  // A role is of one account.
  const role = own ?? (isInOwnAccount ? context.role : undefined);
  return openEnvironmentContext({ ...context, context, environment: place, role });
}

/**
 * Refuses credentials of other accounts than the manifest's: stacks and services of the same names may be there too.
 *
 * @throws WrongAccountError with both accounts.
 */
export async function requireAccounts(
  context: EnvironmentContext,
  { environment, existing }: Choice,
  { file }: Manifest,
  access: 'read' | 'change',
): Promise<void> {
  const { session } = context;
  const places = existing.map(({ name, place }) => ({
    name: `${name} of ${environment.name}`,
    account: place.account,
    session: contextAt(context, environment, place, access).session,
  }));
  const all = [
    { name: environment.name, account: environment.account, session },
    ...places.filter((place) => place.session !== session),
  ];
  await Promise.all(
    all.map(({ name, account, session: own }) =>
      requireSessionAccount(
        own,
        account,
        (actual) =>
          `The credentials belong to account ${actual}, and ${file} has ${name} in ${account}. Nothing was changed.`,
        `Use credentials or a role of account ${account} (role in ${file}, or role-to-assume), or correct the account in ${file}.`,
      ),
    ),
  );
}

/** On whose behalf CloudFormation works. */
export function runIdentity({ github, workspace }: EnvironmentContext): RunIdentity {
  return { id: github.runId, attempt: github.runAttempt, workspace, actor: github.actor };
}

/** What a run on an environment is asked for. */
export interface EnvironmentRequest extends BuildValues {
  manifest: Manifest;
  choice: Choice;
  /** A digest, or `repository@digest`, by service. */
  images: Readonly<Record<string, string>>;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  allowTrafficReset: readonly string[];
  /** The mildest severity that blocks an image that is built. */
  scan: Severity | 'off';
  lockMs: number;
  timeoutMs: number;
  /** Whether a stack stops waiting for a service without a circuit breaker whose tasks fail. */
  failFast: boolean;
  order: OrderRules;
  /** Of a plan: the commit that the files are compared with. Where none that matters differs, nothing is planned. */
  since?: {
    commit: string;
    /** The files that differ, relative to the workspace; undefined where they cannot be told. */
    changed: () => Promise<readonly string[] | undefined>;
  };
  approval: ApprovalRequest;
  /** Why a hold is passed this once. */
  bypassReason?: string;
  /** The environment that images are promoted from. Opened when it is asked for. */
  upstream?: { name: string; account: string; open: () => EnvironmentContext };
}

/** The parameter of the environment's hold. */
export function holdOf({ manifest, choice }: EnvironmentRequest): string {
  return holdParameter({ project: manifest.project, environment: choice.environment.name });
}

/** The hold that a release of a service reads again; none where it is bypassed. */
export function releaseHold(request: EnvironmentRequest): { hold?: string } {
  return request.bypassReason === undefined ? { hold: holdOf(request) } : {};
}

/**
 * Works while no other run changes the environment, within the time that the run has.
 *
 * @throws LockTakenError when another run holds the environment for longer than the request waits.
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
      // Many stacks wait on one signal at once, and that is no leak.
      setMaxListeners(0, locked);
      return work(withOverrides(limited, { signal: locked }));
    });
  });
}
