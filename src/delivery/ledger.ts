import type { SSMClient } from '@aws-sdk/client-ssm';
import { isNotFound } from '../aws/errors.ts';
import { readParameters } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { InputError } from '../core/errors.ts';
import type { Approval } from './approval.ts';
import { type RolledBackImages, updateRolledBackImages } from './rolled-back-images.ts';
import { type ReleaseSource, sourceOf, UNKNOWN_SOURCE } from './source.ts';

/** A release to an environment. Fields other than the image are empty or 0 if they were not recorded. */
export interface Release extends ReleaseSource {
  /** Full reference, `repository@digest`, as in a task definition. */
  image: string;
  /** Number of the record for the service in this environment, from 1. Higher is later. */
  sequence: number;
  /** False if no task was seen to run it. Such a release is neither promoted nor a target of a rollback. */
  proven: boolean;
  /** The pre-deploy command of a first release, which runs after its stack is created, has not succeeded yet. */
  preDeploy?: 'pending';
  /** URL of the run that released it here. After a promotion it differs from the source's run. */
  run: string;
  actor: string;
  /** Who approved it, if approval was required. */
  approvals?: readonly Approval[];
  /** ISO 8601. */
  at: string;
  /** The environment that it was promoted from; empty for a direct deployment. */
  from: string;
  /** The reason for bypassing the gates, if they were bypassed. */
  bypass?: string;
  /** Whether it was allowed to replace a newer release. */
  allowOlder?: true;
  /** The released revision, `family:revision`. */
  taskDefinition?: string;
  /** For a rollback, the image that it replaced, as a full reference. */
  rolledBackFrom?: string;
  /** Images rolled back since the last new release. They are not released again without `allowOlder`. */
  givenUp?: RolledBackImages;
}

/** The last run that changed a whole environment, whatever it released. */
export interface EnvironmentRecord
  extends ReleaseSource, Pick<Release, 'sequence' | 'run' | 'actor' | 'approvals' | 'at'> {
  /** Whether it was allowed to follow a newer run. */
  allowOlder?: true;
}

/** A release before it is recorded. */
export type NewRelease = Omit<Release, 'sequence' | 'givenUp'>;

export interface LedgerContext extends Context {
  /** Creates the client on first use. */
  ssm(): Promise<SSMClient>;
}

/** SSM keeps 100 versions of a parameter and returns 50 per page. */
const HISTORY_PAGE = 50;

/** The environment's current release of a service; undefined if there is none. */
export async function readRelease(context: LedgerContext, names: LedgerNames): Promise<Release | undefined> {
  return (await readReleases(context, [names]))[0];
}

/** The environment's current releases of several services, in their order. */
export async function readReleases(
  context: LedgerContext,
  all: readonly LedgerNames[],
): Promise<(Release | undefined)[]> {
  const values = await valuesOf(
    context,
    all.flatMap(({ image, release }) => [image, release]),
  );
  return all.map((of) => releaseIn(values, of));
}

/** The current values of parameters, by name, without those that do not exist. */
async function valuesOf(
  context: LedgerContext,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return await readParameters(await context.ssm(), names, context);
}

function releaseIn(values: ReadonlyMap<string, string>, names: LedgerNames): Release | undefined {
  const image = values.get(names.image);
  if (image === undefined) return undefined;
  const release = parseRelease(values.get(names.release) ?? '');
  if (release?.image === image) return release;
  // A run that was killed between the two writes, or a manual change, leaves an image that no record proves.
  return unknownRelease(image, release === undefined);
}

/**
 * Records a release, the image first. An unchanged image is not written again, so that a re-run job adds only one
 * version.
 *
 * @returns the release with its sequence: the last record's plus one.
 */
export async function recordRelease(
  context: LedgerContext,
  names: LedgerNames,
  release: NewRelease,
): Promise<Release> {
  const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const client = await context.ssm();
  const put = async (name: string, value: string): Promise<void> => {
    await send(
      client,
      new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }),
      context,
    );
  };
  const known = await valuesOf(context, [names.image, names.release]);
  // The last record may belong to another image than the parameter's; the sequence continues anyway.
  const last = parseRelease(known.get(names.release) ?? '');
  const givenUp = updateRolledBackImages(last, release);
  const recorded = { ...release, sequence: (last?.sequence ?? 0) + 1, ...(givenUp && { givenUp }) };
  if (known.get(names.image) !== release.image) await put(names.image, release.image);
  await put(names.release, JSON.stringify(recorded));
  return recorded;
}

/**
 * The releases of an environment, the newest (current) first. Every record counts, including repeated records of one
 * image. An image without a record, for example one written manually, counts once. `rollbackTarget` selects the
 * release that a rollback goes to.
 */
export async function releaseHistory(context: LedgerContext, names: LedgerNames): Promise<Release[]> {
  const [images, records] = await Promise.all([
    historyOf(context, names.image),
    historyOf(context, names.release),
  ]);
  const releases = records.flatMap((value) => parseRelease(value) ?? []);
  const distinct = images.filter((image, index) => image !== images[index - 1]);
  return distinct.flatMap((image) => {
    const at = releases.findIndex((release) => release.image === image);
    // Older records remain: this image was never released successfully.
    if (at < 0) return [unknownRelease(image, releases.length === 0)];
    const of = releases.slice(at);
    const other = of.findIndex((release) => release.image !== image);
    const found = other < 0 ? of : of.slice(0, other);
    // An older record of the same image belongs to an older entry.
    releases.splice(0, at + found.length);
    return found;
  });
}

/** The records of a service's releases, the newest first, without images that were written manually. */
export async function releaseRecords(context: LedgerContext, { release }: LedgerNames): Promise<Release[]> {
  return (await historyOf(context, release)).flatMap((value) => parseRelease(value) ?? []);
}

/** All values of a parameter, the newest first; empty if the parameter does not exist. */
async function historyOf(context: LedgerContext, name: string): Promise<string[]> {
  const { GetParameterHistoryCommand } = await import('@aws-sdk/client-ssm');
  const client = await context.ssm();
  const versions: { version: number; value: string }[] = [];
  let token: string | undefined;
  do {
    const command = new GetParameterHistoryCommand({
      Name: name,
      MaxResults: HISTORY_PAGE,
      NextToken: token,
    });
    const page = await send(client, command, context).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    for (const { Version = 0, Value = '' } of page?.Parameters ?? []) {
      versions.push({ version: Version, value: Value });
    }
    token = page?.NextToken;
  } while (token !== undefined && token !== '');
  return versions.toSorted((a, b) => b.version - a.version).map(({ value }) => value);
}

/** The last run that changed an environment; undefined if none was recorded. */
export async function readEnvironmentRecord(
  context: LedgerContext,
  place: EnvironmentPlace,
): Promise<EnvironmentRecord | undefined> {
  const name = environmentRecordName(place);
  return parseEnvironmentRecord((await valuesOf(context, [name])).get(name) ?? '');
}

/** Records a run that changes an environment, with the next sequence. */
export async function recordEnvironment(
  context: LedgerContext,
  place: EnvironmentPlace,
  record: Omit<EnvironmentRecord, 'sequence'>,
): Promise<void> {
  const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const last = await readEnvironmentRecord(context, place);
  const Value = JSON.stringify({ ...record, sequence: (last?.sequence ?? 0) + 1 });
  const Name = environmentRecordName(place);
  const command = new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true });
  await send(await context.ssm(), command, context);
}

/** The source of an image's last release; UNKNOWN_SOURCE if the ledger does not contain it. */
export async function sourceOfImage(
  context: LedgerContext,
  names: LedgerNames,
  image: string,
): Promise<ReleaseSource> {
  const history = await releaseHistory(context, names);
  return sourceOf(history.find((release) => release.image === image) ?? UNKNOWN_SOURCE);
}

/** A release with nothing known but its image. */
export function unknownRelease(image: string, proven: boolean): Release {
  return { ...UNKNOWN_SOURCE, image, sequence: 0, proven, run: '', actor: '', at: '', from: '' };
}

/** Undefined for text that is not a release record. Fields that an older version did not write are empty or 0. */
function parseRelease(text: string): Release | undefined {
  const fields = fieldsOf(text);
  const image = textIn(fields, 'image');
  if (!fields || image === '') return undefined;
  return {
    ...recordIn(fields),
    image,
    proven: fields['proven'] !== false,
    from: textIn(fields, 'from'),
    ...(fields['preDeploy'] === 'pending' && { preDeploy: 'pending' }),
    ...givenText(fields, 'bypass'),
    ...givenText(fields, 'taskDefinition'),
    ...givenText(fields, 'rolledBackFrom'),
    ...parseRolledBackImages(fields),
  };
}

function parseEnvironmentRecord(text: string): EnvironmentRecord | undefined {
  const fields = fieldsOf(text);
  return fields && recordIn(fields);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function sourceIn(fields: Fields): ReleaseSource {
  return {
    repository: textIn(fields, 'repository'),
    workflow: textIn(fields, 'workflow'),
    ref: textIn(fields, 'ref'),
    commit: textIn(fields, 'commit'),
    runNumber: numberIn(fields, 'runNumber'),
    attempt: numberIn(fields, 'attempt'),
  };
}

/** Fields that records of releases and of environments share. */
function recordIn(fields: Fields): EnvironmentRecord {
  return {
    ...sourceIn(fields),
    sequence: numberIn(fields, 'sequence'),
    run: textIn(fields, 'run'),
    actor: textIn(fields, 'actor'),
    ...approvalsIn(fields),
    at: textIn(fields, 'at'),
    ...(fields['allowOlder'] === true && { allowOlder: true }),
  };
}

function approvalsIn({ approvals }: Fields): { approvals?: Approval[] } {
  if (!Array.isArray(approvals)) return {};
  const known = approvals.flatMap((approval: unknown): Approval[] => {
    const { by, through, comment } = Object(approval) as Record<string, unknown>;
    if (typeof by !== 'string' || (through !== 'dispatch' && through !== 'review')) return [];
    return [{ by, through, ...(typeof comment === 'string' && { comment }) }];
  });
  return known.length > 0 ? { approvals: known } : {};
}

/** Records of older versions only have the image that they rolled back from. */
function parseRolledBackImages(fields: Fields): { givenUp?: RolledBackImages } {
  const { images, source } = Object(fields['givenUp']) as { images?: unknown; source?: unknown };
  const from = textIn(fields, 'rolledBackFrom');
  const texts = Array.isArray(images) ? images.filter((image) => typeof image === 'string') : [from];
  const known = texts.filter((image) => image !== '' && image !== textIn(fields, 'image'));
  if (known.length === 0) return {};
  const of = typeof source === 'object' && source !== null ? { source: sourceIn(source as Fields) } : {};
  return { givenUp: { images: known, ...of } };
}

function textIn(fields: Fields | undefined, key: keyof Release): string {
  const text = fields?.[key];
  return typeof text === 'string' ? text : '';
}

function givenText<K extends keyof Release>(fields: Fields, key: K): Partial<Record<K, string>> {
  const text = textIn(fields, key);
  return text === '' ? {} : ({ [key]: text } as Record<K, string>);
}

function numberIn(fields: Fields, key: keyof Release): number {
  const number = fields[key];
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : 0;
}

/** The two parameters of a service in an environment. `image` is authoritative, because templates read it. */
export interface LedgerNames {
  image: string;
  release: string;
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html */
const IMAGE_PARAMETER = /^(\/(?:[A-Za-z0-9_.-]+\/)+)image$/;

/** Parameter names of a service: `/<project>/<environment>/<service>/image` and `…/release`. */
export function ledgerNames(of: { project: string; environment: string; service: string }): LedgerNames {
  const folder = `/${of.project}/${of.environment}/${of.service}`;
  return { image: `${folder}/image`, release: `${folder}/release` };
}

/** Parameter names for a given image parameter. @throws InputError if it does not end with `/image`. */
export function ledgerNamesOf(parameter: string): LedgerNames {
  const folder = IMAGE_PARAMETER.exec(parameter)?.[1];
  if (folder === undefined) {
    const allowed = 'expected the name of an image parameter, such as /platform/dev/user-service/image';
    throw new InputError('parameter', parameter, allowed);
  }
  return { image: parameter, release: `${folder}release` };
}

/** An environment of a project. */
interface EnvironmentPlace {
  project: string;
  environment: string;
}

function environmentRecordName({ project, environment }: EnvironmentPlace): string {
  return `/${project}/${environment}/release`;
}
