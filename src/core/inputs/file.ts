import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type ErrorCode, type FileLine, InputError } from '../errors.ts';
import { suggest } from '../text.ts';

/** A file that somebody asked for. */
export interface AskedFile {
  /** The input, or the key of platform.yml, that names it. */
  input: string;
  /** As it was given, relative to the workspace. */
  path: string;
  /** The line that names it. */
  at?: FileLine | undefined;
  /** Of the error; default, input-invalid. */
  code?: ErrorCode | undefined;
}

/** The text of a file in the workspace. Throws InputError when it cannot be read. */
export function readInputFile(asked: AskedFile, workspace: string): string {
  try {
    return readFileSync(resolve(workspace, asked.path), 'utf8');
  } catch (error) {
    throw unreadable(asked, workspace, error);
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

/** Why a file cannot be read. Where the workspace is empty, the job has not checked out the repository. */
function unreadable(
  { input, path, at, code: ownCode }: AskedFile,
  workspace: string,
  error: unknown,
): InputError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const problem = PROBLEMS[code] ?? String(error);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  const similar = isMissing ? similarFile(path, workspace) : undefined;
  const advice =
    similar === undefined
      ? isMissing && ' Paths are relative to the workspace.'
      : ` Did you mean ${JSON.stringify(similar)}?`;
  return new InputError(
    input,
    '',
    `cannot read ${JSON.stringify(shownPath(path, workspace))} (${problem}).${advice || ''}`,
    { code: ownCode, at, cause: error, ...(isMissing && isEmpty(workspace) && { fix: CHECKOUT }) },
  );
}

const CHECKOUT =
  'Add a step with actions/checkout before this one: the workspace is empty, so the repository has not been checked out.';

/** A file of a similar name in the same folder. */
function similarFile(path: string, workspace: string): string | undefined {
  try {
    const name = suggest(basename(path), readdirSync(dirname(resolve(workspace, path))));
    return name === undefined ? undefined : join(dirname(path), name);
  } catch {
    return undefined; // The folder does not exist either.
  }
}

/** Below the workspace, the path from there. */
export function shownPath(path: string, workspace: string): string {
  const below = relative(workspace, resolve(workspace, path));
  return below === '' || below.startsWith('..') ? path : below;
}

function isEmpty(workspace: string): boolean {
  try {
    return readdirSync(workspace).length === 0;
  } catch {
    return true;
  }
}
