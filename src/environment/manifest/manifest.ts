import type { Context } from '../../core/context.ts';
import { PlatformError, withPlace } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { parameterFilePath } from '../../cloudformation/parameters/files.ts';
import { readInputFile, unreadableFile } from '../../core/inputs/file.ts';
import { type ManifestDocument, ManifestSyntaxError, readManifestText } from './document.ts';
import { expandEnvironments } from './expand.ts';
import { findingsIn } from './rules.ts';
import { type Problem, problemsOf } from './schema-problems.ts';
import { existingIn, manifestSchema, type ManifestText } from './schema.ts';
import {
  type Environment,
  environmentOf,
  type ExistingService,
  existingServiceOf,
  type Service,
  serviceOf,
  type Stack,
  stackOf,
} from './values.ts';
export type { Environment, ExistingService, Service, ServicePlace, Stack } from './values.ts';

/** A validated `platform.yml`. */
export interface Manifest {
  /** The path as given, for messages. */
  file: string;
  project: string;
  region: string;
  environments: Readonly<Record<string, Environment>>;
  stacks: Readonly<Record<string, Stack>>;
  /** The services with their own stack. */
  services: Readonly<Record<string, Service>>;
  /** The services that another tool manages. */
  existing: Readonly<Record<string, ExistingService>>;
  /** The line of a key in the file: `lineOf(['services', 'frontend', 'paths'])`. */
  lineOf: (path: readonly string[]) => number;
}

/** The file is invalid. The message has every problem, with its line and the allowed values. */
export class ManifestError extends PlatformError {
  override readonly name = 'ManifestError';
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const [first, ...others] = problems;
    const lines = problems.map(
      ({ path, line, message }) => `${path || 'manifest'}: ${withPlace(message, { file, line })}`,
    );
    // Several problems are one sentence each.
    super('manifest-invalid', others.length === 0 ? lines.join('') : lines.map(sentence).join('\n'), {
      ...(first && { at: { file, line: first.line } }),
    });
    this.problems = problems;
  }
}

/**
 * Reads a manifest. Every problem is annotated on its line, the first one by the error itself.
 *
 * @param owner the owner of the repository; empty outside a workflow.
 * @throws ManifestError for an invalid file; InputError for one that cannot be read.
 */
export function readManifest(
  file: string,
  workspace: string,
  context: Pick<Context, 'annotations'>,
  owner = '',
): Manifest {
  try {
    return parseManifest(readInputFile({ input: 'manifest', path: file }, workspace), file, owner);
  } catch (error) {
    if (error instanceof ManifestError) annotateOthers(error, file, context);
    throw error;
  }
}

/**
 * Requires the parameter files of all environments, so that a wrong path is reported before its environment is deployed.
 *
 * @throws ManifestError with the files that cannot be read.
 */
export function requireParameterFiles(
  { file, environments, lineOf }: Manifest,
  workspace: string,
  context: Pick<Context, 'annotations'>,
): void {
  const problems = Object.values(environments).flatMap(({ name, parameterFiles }) =>
    parameterFiles.flatMap((path, index): Problem[] => {
      const message = unreadableFile(parameterFilePath(path), workspace);
      const key = ['environments', name, 'parameters'];
      const line = lineOf([...key, String(index)]);
      return message === undefined ? [] : [{ path: key.join('.'), line, message }];
    }),
  );
  if (problems.length === 0) return;
  const error = new ManifestError(file, problems);
  annotateOthers(error, file, context);
  throw error;
}

/** Annotates all problems except the first, which the error itself annotates. */
function annotateOthers(
  { problems }: ManifestError,
  file: string,
  { annotations }: Pick<Context, 'annotations'>,
): void {
  for (const { path, line, message } of problems.slice(1)) {
    annotations.add({ level: 'error', title: path || 'platform.yml', message, priority: 90, file, line });
  }
}

const EMPTY = {
  path: '',
  line: 1,
  message: 'expected a map with project, region, environments and services, got an empty file',
};

/** @throws ManifestError for an invalid text. */
export function parseManifest(text: string, file: string, owner = ''): Manifest {
  const { value: written, lineOf } = parse(text, file);
  if (written === null || written === undefined) throw new ManifestError(file, [EMPTY]);
  const value = expandEnvironments(written);
  const read = manifestSchema.safeParse(value);
  if (!read.success) throw new ManifestError(file, problemsOf(read.error.issues, value, lineOf));
  const problems = findingsIn(read.data, owner).map(({ path, message }) => ({
    path: path.join('.'),
    line: lineOf(path),
    message,
  }));
  if (problems.length > 0) throw new ManifestError(file, problems);
  return manifestOf(read.data, file, lineOf);
}

function parse(text: string, file: string): ManifestDocument {
  try {
    return readManifestText(text);
  } catch (error) {
    if (!(error instanceof ManifestSyntaxError)) throw error;
    const { line, message } = error;
    throw new ManifestError(file, [{ path: '', line, message: `expected YAML. ${message}` }]);
  }
}

function manifestOf(text: ManifestText, file: string, lineOf: Manifest['lineOf']): Manifest {
  const { project, region } = text;
  const environments = mapped(text.environments, (name, value) => environmentOf(name, value, region));
  const services = Object.entries(text.services);
  return {
    file,
    project,
    region,
    environments,
    stacks: mapped(text.stacks ?? {}, stackOf),
    services: mapped(Object.fromEntries(services.filter(([, value]) => !existingIn(value))), (name, value) =>
      serviceOf(name, value, project),
    ),
    existing: mapped(Object.fromEntries(services.filter(([, value]) => existingIn(value))), (name, value) =>
      existingServiceOf(name, value, environments),
    ),
    lineOf,
  };
}

function mapped<A, B>(record: Record<string, A>, map: (name: string, value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(name, value)]));
}
