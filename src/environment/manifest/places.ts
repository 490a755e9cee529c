import { clusterPage } from '../../aws/console.ts';
import type { EnvironmentSettings, PlaceSettings } from '../../delivery/promotion/environment.ts';
import { type ExpectedSigner, readSigner } from '../../images/signature/expected.ts';
import { clusterName } from '../run/targets.ts';
import type { Environment, ExistingService, Manifest, Service } from './manifest.ts';

/** The access to an environment. */
export interface Access {
  /** The role to assume. Absent: the job's own credentials. */
  role: string | undefined;
  /** Whether the read-only role is assumed for services that have their own roles. */
  readOnly: boolean;
  /** Overrides the environment's. */
  region?: string | undefined;
  /** Default: all services of the environment. */
  services?: readonly string[] | undefined;
}

/**
 * The required signer of a service's images in an environment; undefined if the environment requires no signature.
 *
 * @throws PlatformError if a file of the rule cannot be read.
 */
export function signerOf(
  { verify }: Environment,
  service: Pick<Service, 'verify'>,
  workspace: string,
): ExpectedSigner | undefined {
  return verify && readSigner(service.verify ?? verify, workspace);
}

/** The settings of an environment and its services, with and without a stack. */
export function environmentSettings(
  manifest: Manifest,
  environment: Environment,
  access: Access,
): EnvironmentSettings {
  const { name, account, region } = environment;
  const all = servicesIn(manifest, environment);
  const chosen = all.filter((service) => access.services?.includes(service.name) ?? true);
  const services = chosen.map((service) => {
    const place =
      'places' in service
        ? existingPlace(service, environment, access)
        : stackPlace(service, manifest, environment, access);
    return [service.name, place] as const;
  });
  return {
    name,
    project: manifest.project,
    account,
    region: access.region ?? region,
    role: access.role,
    services: new Map(services),
  };
}

/**
 * The URL of a GitHub deployment: the environment's `url`, else its cluster in the console. GitHub warns of an empty one:
 * "Environment URL '' is not a valid http(s) URL, so it will not be shown as a link in the workflow graph."
 */
export function environmentUrl(manifest: Manifest, environment: Environment): string {
  const { url, region, name } = environment;
  if (url !== undefined) return url;
  const [service] = servicesIn(manifest, environment);
  const place = service && 'places' in service ? service.places[name] : undefined;
  // Only the name at the end of an ARN, because outputs must not contain account IDs.
  const cluster = place?.cluster.split('/').at(-1) ?? clusterName(manifest, environment);
  return clusterPage(place?.region ?? region, cluster);
}

/** The services of an environment, those with a stack first. */
export function servicesIn(
  { services, existing }: Manifest,
  { name }: Environment,
): (Service | ExistingService)[] {
  return [
    ...Object.values(services).filter(({ environments }) => environments?.includes(name) ?? true),
    ...Object.values(existing).filter(({ places }) => Object.hasOwn(places, name)),
  ];
}

/** The other stacks of an environment that run the image of a service, such as scheduled tasks. */
export function stacksWithImage({ stacks }: Manifest, service: string, { name }: Environment): string[] {
  return Object.values(stacks)
    .filter((stack) => stack.service === service && (stack.environments?.includes(name) ?? true))
    .map((stack) => stack.name);
}

function stackPlace(
  { name, repository }: Service,
  manifest: Manifest,
  environment: Environment,
  { role, region = environment.region }: Access,
): PlaceSettings {
  const cluster = clusterName(manifest, environment);
  const { account } = environment;
  return { account, region, role, cluster, service: name, repository: { kind: 'own', name: repository } };
}

function existingPlace(
  { name, places }: ExistingService,
  environment: Environment,
  { role, readOnly, region }: Access,
): PlaceSettings {
  const place = places[environment.name];
  if (!place) throw new Error(`${name} is not in ${environment.name}`);
  const { role: deployRole, readRole, ...rest } = place;
  const own = readOnly ? readRole : deployRole;
  // A role belongs to one account.
  const common = place.account === environment.account ? role : undefined;
  const isInRegion = place.region === environment.region;
  return { ...rest, role: own ?? common, ...(region !== undefined && isInRegion && { region }) };
}
