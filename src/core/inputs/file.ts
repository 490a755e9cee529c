import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type ErrorCode, type FileLine, InputError } from '../errors.ts';
import { suggest } from '../text.ts';

/** A file that an input refers to. */
export interface InputFile {
  /** The input, or the key of platform.yml, that contains the path. */
  input: string;
  /** The path as given, relative to the workspace. */
  path: string;
  /** The line that contains the path. */
  at?: FileLine | undefined;
  /** Error code if the file cannot be read. Default: input-invalid. */
  code?: ErrorCode | undefined;
}

/** Reads a file in the workspace. @throws InputError if it cannot be read. */
export function readInputFile(asked: InputFile, workspace: string): string {
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

/** The error for an unreadable file. An empty workspace means that the job has not checked out the repository. */
function unreadable(
  { input, path, at, code: ownCode }: InputFile,
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

/** A file with a similar name in the same folder. */
function similarFile(path: string, workspace: string): string | undefined {
  try {
    const name = suggest(basename(path), readdirSync(dirname(resolve(workspace, path))));
    return name === undefined ? undefined : join(dirname(path), name);
  } catch {
    return undefined; // The folder does not exist either.
  }
}

/** A path relative to the workspace; a path outside of it as given. */
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
