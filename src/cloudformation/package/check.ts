import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import { bytes } from '../../core/text.ts';
import type { DeployStackInputs } from '../context.ts';
import { readTemplateDocument, type TemplateDocument, TemplateSyntaxError } from '../template/document.ts';
import { ArchiveError, listFiles } from './archive.ts';
import { findLocalPaths, hasTransform, type LocalPath } from './local-paths.ts';

/** A finding about a local path. The message of an error states what is expected of an input. */
export interface PackageFinding {
  level: 'error' | 'warning' | 'notice';
  /** The input that the finding is about. */
  input: 'template' | 'artifact-bucket' | 'capabilities';
  message: string;
  /** The template, relative to the workspace. */
  file: string;
  /** 1-based. */
  line: number;
}

/** The template to package, and the inputs for it. */
export interface PackageRequest extends Pick<DeployStackInputs, 'artifactBucket'> {
  /** Path in the workspace. */
  file: string;
  workspace: string;
  /** Absent: not checked. */
  capabilities?: readonly string[];
}

/** The file or folder that a local path names; paths are relative to the template, as for `aws cloudformation package`. */
export function targetOf({ value }: LocalPath, { file, workspace }: PackageRequest): string {
  return resolve(workspace, dirname(file), value);
}

/** Whether a path is the `s3://` URL of an object. */
export function isS3Url({ value }: LocalPath): boolean {
  return value.startsWith('s3://');
}

/**
 * Problems that prevent packaging a template or its nested templates. Reads templates only, no other files' contents.
 *
 * @param outer the templates that nest this one.
 */
export function checkLocalPaths(
  document: TemplateDocument,
  request: PackageRequest,
  outer: readonly string[] = [],
): PackageFinding[] {
  const own = [...outer, resolve(request.workspace, request.file)];
  return findLocalPaths(document).flatMap((path) => (isS3Url(path) ? [] : check(path, request, own)));
}

function check(path: LocalPath, request: PackageRequest, outer: readonly string[]): PackageFinding[] {
  const { name, value, line } = path;
  const error = (input: PackageFinding['input'], message: string): PackageFinding[] => [
    { level: 'error', input, message, file: request.file, line },
  ];
  if (request.artifactBucket === undefined) {
    return error('artifact-bucket', `expected a bucket, because ${name} has the local path "${value}"`);
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

/** Does not inspect existing zip archives. */
function checkSize(
  { name, line, maxBytes }: LocalPath,
  target: string,
  { file }: PackageRequest,
): PackageFinding[] {
  const size = listFiles(target).reduce((sum, entry) => sum + entry.size, 0);
  if (maxBytes === undefined || size <= maxBytes) return [];
  const message = `${name} is ${bytes(size)} unzipped. Lambda's limit is ${bytes(maxBytes)}, including layers.`;
  return [{ level: 'warning', input: 'template', message, file, line }];
}

function checkNested(path: LocalPath, request: PackageRequest, outer: readonly string[]): PackageFinding[] {
  const { name, value, line } = path;
  const target = targetOf(path, request);
  const place = { file: request.file, line };
  if (outer.includes(target)) {
    const message = `${name}: expected another template, got "${value}", which nests itself`;
    return [{ level: 'error', input: 'template', message, ...place }];
  }
  const file = relative(request.workspace, target);
  const nested = readNested(target);
  if (nested instanceof TemplateSyntaxError) {
    const message = `This template could not be parsed and is uploaded unchanged: ${reasonOf(nested)}`;
    return [{ level: 'notice', input: 'template', message, file, line: nested.line }];
  }
  const warnings = nested.warnings.map((warning): PackageFinding => ({
    level: 'warning',
    input: 'template',
    file,
    ...warning,
  }));
  // A nested stack is created from its template directly, so its transforms have to be acknowledged:
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
  const isUnacknowledged =
    request.capabilities?.includes('CAPABILITY_AUTO_EXPAND') === false && hasTransform(nested);
  const message = `expected CAPABILITY_AUTO_EXPAND, because the nested template ${file} has a transform`;
  return [
    ...warnings,
    ...(isUnacknowledged ? [{ level: 'error', input: 'capabilities', message, ...place } as const] : []),
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

/** The local templates that a template nests, with the logical ids of their stacks. */
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
