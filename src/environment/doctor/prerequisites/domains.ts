import { partitionOf } from '../../../aws/partition.ts';
import type { Session } from '../../../aws/session.ts';
import { type Certificate, readCertificate } from '../../../aws/signed/certificate.ts';
import { type HostedZone, readHostedZone } from '../../../aws/signed/hosted-zone.ts';
import type { Context } from '../../../core/context.ts';
import { listOf } from '../../../core/text.ts';
import type { Check, Finding } from '../../run/result.ts';
import type { TargetCheck } from '../targets/check.ts';
import type { CertificateUse, ZoneUse } from '../targets/domains.ts';
import { unread } from '../unread.ts';

/** The stacks to check, and the account that they are deployed to. */
interface Place {
  account: string;
  checks: readonly Pick<TargetCheck, 'stack' | 'domains'>[];
}

/** Checks the hosted zones and the certificates that stacks use. */
export async function checkDomains(context: Context, session: Session, place: Place): Promise<Check[]> {
  const [zones, certificates] = await Promise.all([
    Promise.all(zonesIn(place).map((zone) => checkZone(context, session, place, zone))),
    Promise.all(place.checks.map((check) => checkCertificates(context, session, place.account, check))),
  ]);
  return [...zones, ...certificates.flat()];
}

/** A hosted zone, with all names that stacks use it for. */
interface SharedZone extends Omit<ZoneUse, 'name'> {
  names: readonly string[];
}

function zonesIn({ checks }: Place): SharedZone[] {
  const zones = new Map<string, SharedZone>();
  for (const { name, ...use } of checks.flatMap(({ domains }) => domains.zones)) {
    const { names = [], validates = false } = zones.get(use.id) ?? {};
    zones.set(use.id, {
      ...use,
      names: [...new Set([...names, name ?? []].flat())],
      validates: validates || use.validates,
    });
  }
  return [...zones.values()];
}

async function checkZone(
  context: Context,
  session: Session,
  { account }: Place,
  use: SharedZone,
): Promise<Check> {
  const name = `the hosted zone ${use.id}`;
  try {
    const zone = await readHostedZone(session, context, use.id);
    return { name, ...zoneFinding(use, zone, account) };
  } catch (error) {
    context.signal.throwIfAborted();
    const resource = `arn:${partitionOf(session.region).id}:route53:::hostedzone/${use.id}`;
    return { name, ...unread(error, `Allow route53:GetHostedZone on ${resource}.`) };
  }
}

function zoneFinding(use: SharedZone, zone: HostedZone | undefined, account: string): Finding {
  const { names, validates } = use;
  const where = placeOf(use);
  const which = use.parameters.join(' or ') || 'its ID';
  if (!zone) {
    const fix = `Correct ${which} in ${use.at.file}, or create a hosted zone for ${names.join(', ')}.`;
    return { state: 'problem', says: `not found in account ${account} (${where})`, fix };
  }
  const outside = names.filter((name) => !isWithin(name, zone.name));
  if (outside.length > 0) {
    const verb = outside.length === 1 ? 'is' : 'are';
    const says = `${listOf(outside)} ${verb} not in its domain, ${zone.name} (${where})`;
    const fix = `Correct ${which} in ${use.at.file}. Route 53 accepts only names in the domain of the zone.`;
    return { state: 'problem', says, fix };
  }
  if (validates && zone.isPrivate) {
    const says = `it is private, but ACM validates certificates only with a record in public DNS (${where})`;
    const fix = `Set ${which} in ${use.at.file} to the public hosted zone of ${names.join(', ')}.`;
    return { state: 'problem', says, fix };
  }
  const kind = zone.isPrivate ? 'private' : 'public';
  const delegation = zone.isPrivate
    ? ''
    : '. The delegation of its domain to the name servers of the zone was not checked';
  return { state: 'ok', says: `${zone.name}, ${kind}${delegation}` };
}

/** Checks each certificate of a stack, and whether together they cover all its names. */
async function checkCertificates(
  context: Context,
  session: Session,
  account: string,
  { stack, domains: { certificates, covered } }: Place['checks'][number],
): Promise<Check[]> {
  const distinct = new Map(certificates.map((use) => [use.arn, use]));
  const found = await Promise.all(
    [...distinct.values()].map((use) => checkCertificate(context, session, account, use)),
  );
  const names = found.flatMap(({ certificate }) => certificate?.names ?? []);
  const isComplete = found.every(({ certificate }) => certificate !== undefined);
  const missing = covered.filter((name) => !names.some((pattern) => covers(pattern, name)));
  const [first] = distinct.values();
  const gap = first && isComplete && missing.length > 0 ? [uncoveredNames(stack, first, names, missing)] : [];
  return [...found.map(({ check }) => check), ...gap];
}

interface CheckedCertificate {
  check: Check;
  /** Absent if it cannot be used or could not be read. */
  certificate?: Certificate;
}

async function checkCertificate(
  context: Context,
  session: Session,
  account: string,
  use: CertificateUse,
): Promise<CheckedCertificate> {
  const { arn, region } = use;
  const [, , , ownRegion = '', ownAccount = ''] = arn.split(':');
  const name = `the certificate ${arn.slice(arn.lastIndexOf('/') + 1)}`;
  const fix = `Set ${use.parameters.join(' or ') || 'it'} in ${use.at.file} to an issued certificate of account ${account} in ${region}.`;
  const problem = (says: string): CheckedCertificate => ({
    check: { name, state: 'problem', says: `${says} (${placeOf(use)})`, fix },
  });
  if (ownAccount !== account) return problem(`it belongs to account ${ownAccount}, expected ${account}`);
  if (ownRegion !== region) return problem(`it is in ${ownRegion}, expected ${region}`);
  try {
    const certificate = await readCertificate(session, context, arn);
    if (!certificate) return problem(`not found in account ${account}, ${region}`);
    const { status, names } = certificate;
    if (status !== 'ISSUED') return problem(`its status is ${status}, expected ISSUED`);
    return { check: { name, state: 'ok', says: `issued for ${listOf(names)}` }, certificate };
  } catch (error) {
    context.signal.throwIfAborted();
    return { check: { name, ...unread(error, `Allow acm:DescribeCertificate on ${arn}.`) } };
  }
}

function uncoveredNames(
  stack: string,
  use: CertificateUse,
  names: readonly string[],
  missing: readonly string[],
): Check {
  return {
    name: `the certificates of ${stack}`,
    state: 'problem',
    says: `they are issued for ${listOf(names)}, but not for ${listOf(missing)} (${placeOf(use)})`,
    fix: `Request a certificate for ${missing.join(', ')}.`,
  };
}

function placeOf({ at: { file, line } }: Pick<ZoneUse, 'at'>): string {
  return `${file}:${line}`;
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** A wildcard matches one label: https://docs.aws.amazon.com/acm/latest/userguide/acm-concepts.html */
function covers(pattern: string, name: string): boolean {
  return (
    pattern === name || (pattern.startsWith('*.') && name.split('.').slice(1).join('.') === pattern.slice(2))
  );
}
