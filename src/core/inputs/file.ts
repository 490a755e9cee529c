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
  const { input, path, at, code } = asked;
  try {
    return readFileSync(resolve(workspace, path), 'utf8');
  } catch (cause) {
    const { message, fix } = readProblem(path, workspace, cause);
    throw new InputError(input, '', message, { code, at, cause, fix });
  }
}

/** Why a file in the workspace cannot be read; undefined where it can. */
export function unreadableFile(path: string, workspace: string): string | undefined {
  try {
    readFileSync(resolve(workspace, path));
    return undefined;
  } catch (error) {
    return readProblem(path, workspace, error).message;
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

/** Why a file cannot be read. An empty workspace means that the job has not checked out the repository. */
function readProblem(path: string, workspace: string, error: unknown): { message: string; fix?: string } {
  const { code = '' } = error as NodeJS.ErrnoException;
  const problem = PROBLEMS[code] ?? String(error);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  const similar = isMissing ? similarFile(path, workspace) : undefined;
  const advice =
    similar === undefined
      ? isMissing && ' Paths are relative to the workspace.'
      : ` Did you mean ${JSON.stringify(similar)}?`;
  return {
    message: `cannot read ${JSON.stringify(shownPath(path, workspace))} (${problem}).${advice || ''}`,
    ...(isMissing && isEmpty(workspace) && { fix: CHECKOUT }),
  };
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
