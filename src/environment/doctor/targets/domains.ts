import type { DeclaredResource } from '../../../cloudformation/template/check.ts';
import type { TemplateDocument } from '../../../cloudformation/template/document.ts';
import { isKnown, possibleTexts, type Scope } from '../../../cloudformation/template/evaluate.ts';
import { member, type Value } from '../../../cloudformation/template/tree.ts';
import type { FileLine } from '../../../core/errors.ts';
import { parametersIn } from './names.ts';

/** The location of a reference to a resource that must exist before the deployment. */
interface Origin {
  at: FileLine;
  /** The parameters that set the value. */
  parameters: readonly string[];
}

/** A Route 53 hosted zone in which a stack creates records. */
export interface ZoneUse extends Origin {
  id: string;
  /** The name of a record, or of the domain that it validates. Absent if only AWS can determine it. */
  name?: string;
  /** Whether ACM validates a certificate with a record in it. */
  validates: boolean;
}

/** An ACM certificate that a stack uses. */
export interface CertificateUse extends Origin {
  arn: string;
  /** The region that it must be in. */
  region: string;
}

/** The hosted zones and certificates that a stack uses, as far as they can be determined without AWS. */
export interface DomainUses {
  zones: readonly ZoneUse[];
  certificates: readonly CertificateUse[];
  /** Names that the certificates must cover together. Empty if not all certificates are known. */
  covered: readonly string[];
}

interface Domains {
  document: TemplateDocument;
  resources: readonly DeclaredResource[];
  scope: Scope;
  region: string;
  /** The template's path. */
  file: string;
  /** The line that sets each parameter, if known. */
  lines: Readonly<Record<string, FileLine>>;
}

const LISTENERS = [
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::ListenerCertificate',
];
const DISTRIBUTION = 'AWS::CloudFront::Distribution';
/**
 * "To use an ACM certificate with CloudFront, you must request or import the certificate in the US East (N. Virginia) region."
 *
 * @see https://docs.aws.amazon.com/acm/latest/userguide/acm-services.html
 */
const REGION_OF_CLOUDFRONT = 'us-east-1';

/** The hosted zones and certificates that the resources of a template use. */
export function domainUses(domains: Domains): DomainUses {
  const { resources, region } = domains;
  const listeners = resources
    .filter(({ type }) => LISTENERS.includes(type))
    .flatMap(({ properties }) => itemsOf(member(properties, 'Certificates')))
    .map((item) => certificateUse(domains, member(item, 'CertificateArn'), region));
  const distributions = resources
    .filter(({ type }) => type === DISTRIBUTION)
    .map(({ properties }) => member(properties, 'DistributionConfig'))
    .flatMap((config) => member(member(config, 'ViewerCertificate'), 'AcmCertificateArn') ?? [])
    .map((value) => certificateUse(domains, value, REGION_OF_CLOUDFRONT));
  const certificates = [...listeners, ...distributions];
  const isComplete = certificates.length > 0 && certificates.every((one) => one !== undefined);
  return {
    zones: zoneUses(domains),
    certificates: certificates.flatMap((one) => one ?? []),
    covered: isComplete ? servedNames(domains) : [],
  };
}

/** Undefined for a certificate that only AWS can determine, such as one in the same template. */
function certificateUse(
  domains: Domains,
  value: Value | undefined,
  region: string,
): CertificateUse | undefined {
  const arn = textOf(domains, value);
  return arn !== undefined && arn.split(':')[2] === 'acm'
    ? { arn, region, ...originOf(domains, value) }
    : undefined;
}

/** The names that clients use for the listeners and distributions with the certificates. */
function servedNames(domains: Domains): string[] {
  const { resources, scope, document } = domains;
  const aliases = resources.flatMap(({ type, properties }) => {
    if (type === DISTRIBUTION) return itemsOf(member(member(properties, 'DistributionConfig'), 'Aliases'));
    return recordsOf(type, properties).filter((record) => member(record, 'AliasTarget') !== undefined);
  });
  const names = aliases.flatMap(
    (alias) => textOf(domains, alias.kind === 'map' ? member(alias, 'Name') : alias) ?? [],
  );
  const { DomainName: own } = scope.values;
  const given = 'DomainName' in document.parameters && typeof own === 'string' ? [own] : [];
  return [...new Set([...given, ...names].map(domainOf))];
}

function zoneUses(domains: Domains): ZoneUse[] {
  return domains.resources.flatMap(({ type, properties }) => {
    if (type === 'AWS::CertificateManager::Certificate')
      return itemsOf(member(properties, 'DomainValidationOptions')).flatMap((option) =>
        zoneUse(domains, member(option, 'HostedZoneId'), member(option, 'DomainName'), true),
      );
    const ofGroup = member(properties, 'HostedZoneId');
    return recordsOf(type, properties).flatMap((record) =>
      zoneUse(domains, member(record, 'HostedZoneId') ?? ofGroup, member(record, 'Name'), false),
    );
  });
}

function zoneUse(
  domains: Domains,
  zone: Value | undefined,
  record: Value | undefined,
  validates: boolean,
): ZoneUse[] {
  const [id, name] = [textOf(domains, zone), textOf(domains, record)];
  if (id === undefined) return [];
  return [{ id, validates, ...(name !== undefined && { name: domainOf(name) }), ...originOf(domains, zone) }];
}

/** The records of a record set or of a group of them. */
function recordsOf(type: string, properties: Value | undefined): readonly Value[] {
  if (type === 'AWS::Route53::RecordSetGroup') return itemsOf(member(properties, 'RecordSets'));
  return type === 'AWS::Route53::RecordSet' && properties ? [properties] : [];
}

/** The value as text; undefined if there are several possible values, or if only AWS can determine it. */
function textOf({ scope }: Domains, value: Value | undefined): string | undefined {
  const [text, ...others] = possibleTexts(value, scope);
  return text !== undefined && others.length === 0 && isKnown(text) ? text : undefined;
}

function originOf({ document, scope, file, lines }: Domains, value: Value | undefined): Origin {
  const parameters = parametersIn(document, value, scope);
  const at = parameters.map((name) => lines[name]).find((line) => line !== undefined);
  return { at: at ?? { file, line: value?.line ?? 1 }, parameters };
}

function itemsOf(value: Value | undefined): readonly Value[] {
  return value?.kind === 'list' ? value.items : [];
}

/** In lower case, without the final dot. */
function domainOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
