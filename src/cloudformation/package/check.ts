import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import { bytes } from '../../core/text.ts';
import type { DeployStackInputs } from '../context.ts';
import { readTemplateDocument, type TemplateDocument, TemplateSyntaxError } from '../template/document.ts';
import { ArchiveError, listFiles } from './archive.ts';
import { findLocalPaths, hasTransform, type LocalPath } from './local-paths.ts';

/** Something about a local path. An error says what is expected of an input. */
export interface PackageFinding {
  level: 'error' | 'warning' | 'notice';
  /** The input that an error is about. */
  input: 'template' | 'artifact-bucket' | 'capabilities';
  message: string;
  /** As it is written in the template, relative to the workspace. */
  file: string;
  /** 1-based. */
  line: number;
}

/** Where a template is, and what is given to package it. */
export interface PackageRequest extends Pick<DeployStackInputs, 'artifactBucket'> {
  /** Path in the workspace. */
  file: string;
  workspace: string;
  /** Absent: they are not checked. */
  capabilities?: readonly string[];
}

/** The file or folder that a local path names; paths are relative to the template, as for `aws cloudformation package`. */
export function targetOf({ value }: LocalPath, { file, workspace }: PackageRequest): string {
  return resolve(workspace, dirname(file), value);
}

/** Whether a path is only another way to write an object of S3. */
export function isObject({ value }: LocalPath): boolean {
  return value.startsWith('s3://');
}

/**
 * Problems that prevent the packaging of a template and of those that it nests. Only templates are read.
 *
 * @param outer the templates around it.
 */
export function checkLocalPaths(
  document: TemplateDocument,
  request: PackageRequest,
  outer: readonly string[] = [],
): PackageFinding[] {
  const own = [...outer, resolve(request.workspace, request.file)];
  return findLocalPaths(document).flatMap((path) => (isObject(path) ? [] : check(path, request, own)));
}

function check(path: LocalPath, request: PackageRequest, outer: readonly string[]): PackageFinding[] {
  const { name, value, line } = path;
  const error = (input: PackageFinding['input'], message: string): PackageFinding[] => [
    { level: 'error', input, message, file: request.file, line },
  ];
  if (request.artifactBucket === undefined) {
    return error('artifact-bucket', `expected a bucket for the local path "${value}" of ${name}`);
  }
  const target = targetOf(path, request);
  if (!isBelow(target, request.workspace) && !isBelow(target, dirname(outer[0] ?? ''))) {
    return error('template', `${name}: expected a path in the workspace, got "${value}"`);
  }
  const stats = statOf(target);
  const expected = path.fileOnly ? 'a file' : 'a file or folder';
  if (!stats) {
    const allowed = `expected ${expected} relative to the template, got "${value}", which does not exist`;
    return error('template', `${name}: ${allowed}`);
  }
  if (path.fileOnly && !stats.isFile()) {
    return error('template', `${name}: expected ${expected}, got "${value}", a folder`);
  }
  if (path.location === 'template') return checkNested(path, request, outer);
  try {
    return checkSize(path, target, request);
  } catch (failure) {
    if (!(failure instanceof ArchiveError)) throw failure;
    return error('template', `${name}: cannot package "${value}": ${failure.message}`);
  }
}

/** A zip archive that is there already is not looked into. */
function checkSize(
  { name, line, mostBytes }: LocalPath,
  target: string,
  { file }: PackageRequest,
): PackageFinding[] {
  const size = listFiles(target).reduce((sum, entry) => sum + entry.size, 0);
  if (mostBytes === undefined || size <= mostBytes) return [];
  const message = `${name} has ${bytes(size)} unzipped. Lambda takes at most ${bytes(mostBytes)}, layers included.`;
  return [{ level: 'warning', input: 'template', message, file, line }];
}

function checkNested(path: LocalPath, request: PackageRequest, outer: readonly string[]): PackageFinding[] {
  const { name, value, line } = path;
  const target = targetOf(path, request);
  const place = { file: request.file, line };
  if (outer.includes(target)) {
    const message = `${name}: expected another template, got "${value}", which would nest itself`;
    return [{ level: 'error', input: 'template', message, ...place }];
  }
  const file = relative(request.workspace, target);
  const nested = readNested(target);
  if (nested instanceof TemplateSyntaxError) {
    const message = `Only CloudFormation can read this template (here: ${reasonOf(nested)}). It is uploaded as it is.`;
    return [{ level: 'notice', input: 'template', message, file, line: nested.line }];
  }
  const surprises = nested.surprises.map((surprise): PackageFinding => ({
    level: 'warning',
    input: 'template',
    file,
    ...surprise,
  }));
  // A nested stack is created from its template directly, so its transforms have to be acknowledged:
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
  const unacknowledged =
    request.capabilities?.includes('CAPABILITY_AUTO_EXPAND') === false && hasTransform(nested);
  const message = `expected CAPABILITY_AUTO_EXPAND among them, because the nested template ${file} has a transform`;
  return [
    ...surprises,
    ...(unacknowledged ? [{ level: 'error', input: 'capabilities', message, ...place } as const] : []),
    ...checkLocalPaths(nested, { ...request, file }, outer),
  ];
}

function readNested(target: string): TemplateDocument | TemplateSyntaxError {
  try {
    return readTemplateDocument(readFileSync(target, 'utf8'));
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return error;
    throw error;
  }
}

/** The local templates that a template nests, by the logical id of their stacks. */
export function nestedTemplates(
  document: TemplateDocument,
  request: PackageRequest,
): { logicalId: string; file: string; document: TemplateDocument }[] {
  return findLocalPaths(document).flatMap((path) => {
    if (path.location !== 'template') return [];
    const target = targetOf(path, request);
    const nested = readNested(target);
    if (nested instanceof TemplateSyntaxError) return [];
    return [{ logicalId: path.owner, file: relative(request.workspace, target), document: nested }];
  });
}

function isBelow(path: string, folder: string): boolean {
  const from = relative(folder, path);
  return from.split(/[\\/]/)[0] !== '..' && !isAbsolute(from);
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
