import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { cloudWatchClient } from '../../aws/clients.ts';
import { requireSessionAccount, type Session } from '../../aws/session.ts';
import type { Context } from '../../core/context.ts';
import { serviceContext } from '../release/request.ts';
import type { ServiceContext } from '../release/request.ts';

export interface PromotionContext extends ServiceContext {
  cloudWatch(): Promise<CloudWatchClient>;
}

/** An account and region, with the clients of its services. */
interface AccountRegion {
  region: string;
  /** The expected account ID. */
  account: string;
  session: Session;
  context: PromotionContext;
}

/** An environment of a promotion. Its hold and its lock are in its own account and region. */
export interface PromotionEnvironment extends AccountRegion {
  name: string;
  project: string;
  /** Locations of its services, by their names in the manifest. */
  places: ReadonlyMap<string, ServicePlace>;
}

/** Location of a service in an environment. Its ledger is in the same account and region. */
export interface ServicePlace extends AccountRegion, PlaceNames {}

interface PlaceNames {
  /** Name or ARN. */
  cluster: string;
  /** The service's name in ECS. */
  service: string;
  repository: PlaceRepository;
  /** The container that runs the image. Absent: the main container. */
  container?: string;
}

/**
 * `own`: an ECR repository in the service's account and region. `shared`: a repository that all environments pull from.
 */
export type PlaceRepository = { kind: 'own'; name: string } | { kind: 'shared'; uri: string };

/** Access to an environment. Without a role, the job's own credentials are used. */
export interface EnvironmentSettings extends AccountSettings {
  name: string;
  project: string;
  services: ReadonlyMap<string, PlaceSettings>;
}

/** Location of a service, and the role to access it. */
export interface PlaceSettings extends PlaceNames, AccountSettings {}

interface AccountSettings {
  account: string;
  region: string;
  role: string | undefined;
}

/** Creates a session in a region, with a role if there is one. */
export type OpenSession = (region: string, role: string | undefined) => Session;

/**
 * Creates the clients of an environment, without any call. Each account and region has its own rate limits, like AWS,
 * and one session per role.
 */
export function openPromotionEnvironment(
  { name, project, services, ...home }: EnvironmentSettings,
  open: OpenSession,
  context: Context,
  env: NodeJS.ProcessEnv,
): PromotionEnvironment {
  const opened = new Map<string, AccountRegion>();
  const accountRegion = ({ account, region, role }: AccountSettings) => {
    const key = [account, region, role ?? ''].join(' ');
    const found = opened.get(key) ?? openAccountRegion(account, open(region, role), context, env);
    opened.set(key, found);
    return found;
  };
  const places = [...services].map(([service, { role, ...place }]): [string, ServicePlace] => [
    service,
    { ...place, ...accountRegion({ ...place, role }) },
  ]);
  return { name, project, ...accountRegion(home), places: new Map(places) };
}

function openAccountRegion(
  account: string,
  session: Session,
  context: Context,
  env: NodeJS.ProcessEnv,
): AccountRegion {
  const services = serviceContext(session, context, env);
  let cloudWatch: Promise<CloudWatchClient> | undefined;
  return {
    account,
    region: session.region,
    session,
    context: { ...services, cloudWatch: () => (cloudWatch ??= cloudWatchClient(session, services)) },
  };
}

/** The location of a service in an environment that has it. */
export function placeIn({ name, places }: PromotionEnvironment, service: string): ServicePlace {
  const place = places.get(service);
  if (!place) throw new Error(`${service} has no place in ${name}`);
  return place;
}

/** The distinct accounts and regions of an environment, its own first. */
export function accountRegionsOf(environment: PromotionEnvironment): AccountRegion[] {
  const all = [environment, ...environment.places.values()];
  return all.filter(
    ({ account, region }, index) =>
      all.findIndex((one) => one.account === account && one.region === region) === index,
  );
}

interface PlaceGroup {
  /** The location of the first service; all services share its clients. */
  place: ServicePlace;
  services: string[];
}

/** Groups services that can be read together: the same account, region and key. */
export function groupPlaces(
  environment: PromotionEnvironment,
  services: readonly string[],
  keyOf: (place: ServicePlace) => string = () => '',
): PlaceGroup[] {
  const groups: PlaceGroup[] = [];
  for (const service of services) {
    const place = placeIn(environment, service);
    const group = groups.find(
      (one) => one.place.context === place.context && keyOf(one.place) === keyOf(place),
    );
    if (group) group.services.push(service);
    else groups.push({ place, services: [service] });
  }
  return groups;
}

/**
 * Checks the credentials of each environment and of its services before any other call to AWS.
 *
 * @throws WrongAccountError with both accounts.
 */
export async function requireAccounts(environments: readonly PromotionEnvironment[]): Promise<void> {
  const sessions = environments.flatMap((environment) => [
    { ...environment, what: `The environment ${environment.name}` },
    ...[...environment.places].map(([service, place]) => ({
      ...place,
      name: environment.name,
      what: `The service ${service} in ${environment.name}`,
    })),
  ]);
  const first = sessions.filter(
    ({ session, account }, index) =>
      sessions.findIndex((one) => one.session === session && one.account === account) === index,
  );
  await Promise.all(
    first.map(({ what, name, account, session }) =>
      requireSessionAccount(
        session,
        account,
        (actual) => `${what} is in account ${account}, but the credentials belong to account ${actual}`,
        {
          fix: `Use a role in account ${account} for ${name}: set source-role or target-role of promote-environment, or its role in the manifest.`,
        },
      ),
    ),
  );
}

/** The same environment with another abort signal, such as that of a lock. */
export function withSignal(environment: PromotionEnvironment, signal: AbortSignal): PromotionEnvironment {
  const contexts = new Map<PromotionContext, PromotionContext>();
  const signalled = <T extends AccountRegion>(one: T): T => {
    const context = contexts.get(one.context) ?? { ...one.context, signal };
    contexts.set(one.context, context);
    return { ...one, context };
  };
  const places = [...environment.places].map(([service, place]): [string, ServicePlace] => [
    service,
    signalled(place),
  ]);
  return { ...signalled(environment), places: new Map(places) };
}
