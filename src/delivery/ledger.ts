import type { SSMClient } from '@aws-sdk/client-ssm';
import { isNotFound } from '../aws/errors.ts';
import { readParameters } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { InputError } from '../core/errors.ts';
import type { Approval } from './approval.ts';
import { type GivenUp, givenUpBy } from './given-up.ts';
import { type ReleaseSource, sourceOf, UNKNOWN_SOURCE } from './source.ts';

/** A release to an environment. All but the image is empty or 0 where it was not recorded. */
export interface Release extends ReleaseSource {
  /** `repository@digest`, whole, as a task definition takes it. */
  image: string;
  /** Counts what was recorded for the service in this environment, from 1: the higher, the later. */
  sequence: number;
  /** False when no task of it was seen to run. Such a release is neither promoted nor a rollback's target. */
  proven: boolean;
  /** The pre-deploy command of a first release, which runs after its stack is created, has not succeeded yet. */
  preDeploy?: 'pending';
  /** The URL of the run that released it here. The run of the source is another one after a promotion. */
  run: string;
  actor: string;
  /** Who approved it, where somebody was asked. */
  approvals?: readonly Approval[];
  /** ISO 8601. */
  at: string;
  /** The environment that it was promoted from; empty when it was deployed directly. */
  from: string;
  /** Why the gates were passed, where they were. */
  bypass?: string;
  /** Whether it was allowed to replace a newer release. */
  allowOlder?: true;
  /** The revision that was released, `family:revision`. */
  taskDefinition?: string;
  /** Of a rollback: the image that it took the place of, whole. */
  rolledBackFrom?: string;
  /** What was rolled back from since the last new release: it is not released again without `allowOlder`. */
  givenUp?: GivenUp;
}

/** The last run that changed an environment as a whole, whatever it released. */
export interface EnvironmentRecord
  extends ReleaseSource, Pick<Release, 'sequence' | 'run' | 'actor' | 'approvals' | 'at'> {
  /** Whether it was allowed to follow a newer run. */
  allowOlder?: true;
}

/** What is known of a release when it is recorded. */
export type NewRelease = Omit<Release, 'sequence' | 'givenUp'>;

export interface LedgerContext extends Context {
  /** Opens the client. */
  ssm(): Promise<SSMClient>;
}

/** SSM keeps a hundred versions of a parameter, and gives fifty at once. */
const HISTORY_PAGE = 50;

/** What the environment has now; undefined when nothing was ever released. */
export async function readRelease(context: LedgerContext, names: LedgerNames): Promise<Release | undefined> {
  return (await readReleases(context, [names]))[0];
}

/** What the environment has now of several services, in their order. */
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

/** The present values of parameters, by name; those that do not exist are left out. */
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
  // A run that ended between two writes, or somebody by hand, has left an image that no record proves.
  return unknownRelease(image, release === undefined);
}

/**
 * Writes a release, the image first. An image that is there already is not written again, so a job that is run
 * again leaves one version.
 *
 * @returns the release with the sequence that it was recorded by: one more than the last record's.
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
  // The record may be of another image than the parameter has: the sequence goes on all the same.
  const last = parseRelease(known.get(names.release) ?? '');
  const givenUp = givenUpBy(last, release);
  const recorded = { ...release, sequence: (last?.sequence ?? 0) + 1, ...(givenUp && { givenUp }) };
  if (known.get(names.image) !== release.image) await put(names.image, release.image);
  await put(names.release, JSON.stringify(recorded));
  return recorded;
}

/**
 * What was recorded for an environment, the newest first: the first is what it has now. Every record counts, also of
 * the same image again; an image without a record, such as one that was written by hand, counts once. Which of them a
 * rollback goes to is for `rollbackTarget` to say.
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
    // Records older than this image are still there: it never became a release.
    if (at < 0) return [unknownRelease(image, releases.length === 0)];
    const of = releases.slice(at);
    const other = of.findIndex((release) => release.image !== image);
    const found = other < 0 ? of : of.slice(0, other);
    // An older record of the same image belongs to an older row.
    releases.splice(0, at + found.length);
    return found;
  });
}

/** The records of a service's releases, the newest first; without what was written into the image by hand. */
export async function releaseRecords(context: LedgerContext, { release }: LedgerNames): Promise<Release[]> {
  return (await historyOf(context, release)).flatMap((value) => parseRelease(value) ?? []);
}

/** All values that a parameter had, the newest first; none when there is no such parameter. */
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

/** The last run that changed an environment; undefined when none was recorded. */
export async function readEnvironmentRecord(
  context: LedgerContext,
  place: EnvironmentPlace,
): Promise<EnvironmentRecord | undefined> {
  const name = environmentRecordName(place);
  return parseEnvironmentRecord((await valuesOf(context, [name])).get(name) ?? '');
}

/** Writes the run that changes an environment, with the next sequence. */
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

/** The source of an image's last release; unknown when the ledger does not have it. */
export async function sourceOfImage(
  context: LedgerContext,
  names: LedgerNames,
  image: string,
): Promise<ReleaseSource> {
  const history = await releaseHistory(context, names);
  return sourceOf(history.find((release) => release.image === image) ?? UNKNOWN_SOURCE);
}

/** A release of which only the image is known. */
export function unknownRelease(image: string, proven: boolean): Release {
  return { ...UNKNOWN_SOURCE, image, sequence: 0, proven, run: '', actor: '', at: '', from: '' };
}

/** Undefined for a text that no release was written as. A field that an older version did not write is empty or 0. */
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
    ...givenUpIn(fields),
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

/** What the records of a release and of an environment share. */
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

/** A record that an older version wrote has only the image that it was a rollback from. */
function givenUpIn(fields: Fields): { givenUp?: GivenUp } {
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

/** The two parameters of a service in an environment. Templates read `image`, so it is the truth of the two. */
export interface LedgerNames {
  image: string;
  release: string;
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html */
const IMAGE_PARAMETER = /^(\/(?:[A-Za-z0-9_.-]+\/)+)image$/;

/** The names of a service's parameters: `/<project>/<environment>/<service>/image` and `…/release`. */
export function ledgerNames(of: { project: string; environment: string; service: string }): LedgerNames {
  const folder = `/${of.project}/${of.environment}/${of.service}`;
  return { image: `${folder}/image`, release: `${folder}/release` };
}

/** The names for a given name of the image's parameter. Throws InputError when it does not end with `/image`. */
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
