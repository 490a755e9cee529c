import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Context } from '../core/context.ts';
import { InputError, PlatformError } from '../core/errors.ts';
import { runCommand } from '../core/exec.ts';
import { bytes } from '../core/text.ts';
import type { Manifest } from '../environment/manifest/manifest.ts';

/**
 * The size limit of a file that a rehearsal reads. It is CloudFormation's own for a template.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
const MOST_BYTES = 1024 * 1024;

/**
 * Refuses a file that a pull request could use to read other files of the machine, or that is too large to read.
 *
 * @param path relative to the workspace.
 * @throws InputError. A file that does not exist is left to its reader.
 */
export function requireConfinedFile(input: string, path: string, workspace: string): void {
  const place = resolve(workspace, path);
  const stats = statSync(place, { throwIfNoEntry: false });
  if (!stats) return;
  if (!isInside(realpathSync(place), realpathSync(workspace))) {
    throw new InputError(input, path, 'expected a file in the workspace. A rehearsal reads no other files');
  }
  if (stats.isFile() && stats.size > MOST_BYTES) {
    const problem = `${path} is ${bytes(stats.size)}. A rehearsal reads files of at most ${bytes(MOST_BYTES)}`;
    throw new InputError(input, '', problem);
  }
}

/** Checks all files that a manifest names for an environment. @throws InputError */
export function requireConfinedManifest(manifest: Manifest, environment: string, workspace: string): void {
  const { environments, stacks, services } = manifest;
  const parameterFiles = environments[environment]?.parameterFiles ?? [];
  for (const path of parameterFiles) {
    requireConfinedFile(`environments.${environment}.parameters`, path, workspace);
  }
  for (const [kind, entries] of Object.entries({ stacks, services })) {
    for (const { name, template } of Object.values<{ name: string; template: string }>(entries)) {
      requireConfinedFile(`${kind}.${name}.template`, template, workspace);
    }
  }
}

/**
 * Refuses a repository with symbolic links that leave it: a nested template could be one.
 *
 * @throws PlatformError with the first link.
 */
export async function requireConfinedLinks(
  repository: string,
  { context, env }: { context: Pick<Context, 'signal'>; env: NodeJS.ProcessEnv },
): Promise<void> {
  const args = ['--git-dir', resolve(repository, '.git'), 'ls-files', '--stage', '-z'];
  const { stdout, stderr, exitCode } = await runCommand('git', args, { env, cwd: repository }, context);
  if (exitCode !== 0) {
    throw new PlatformError(
      'command-failed',
      `The links of the repository cannot be listed. git: ${stderr.trim()}`,
    );
  }
  const root = realpathSync(repository);
  for (const [, path = ''] of stdout.matchAll(/120000 \S+ \d\t([^\0]+)\0/g)) {
    const target = realTarget(resolve(repository, path));
    if (target !== undefined && !isInside(target, root)) {
      throw new PlatformError('input-invalid', `The symbolic link ${path} leads out of the repository.`, {
        fix: 'Remove the link, or replace it with the file',
      });
    }
  }
}

/** Undefined for a link to nothing. */
function realTarget(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function isInside(path: string, folder: string): boolean {
  const from = relative(folder, path);
  return !isAbsolute(from) && from.split(sep)[0] !== '..';
}
