import { readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { findLocalPaths, hasTransform } from '../../cloudformation/package/local-paths.ts';
import { readTemplateDocument } from '../../cloudformation/template/document.ts';
import type { Choice } from '../run/targets.ts';
import type { Manifest, Service } from './manifest.ts';

/**
 * The files and folders that an environment is made of, relative to the workspace: the manifest, parameter files,
 * templates, and what images are built from. Undefined where a file names others that only its own tool follows: a bake
 * file, and a template with local paths or a macro.
 */
export function environmentSources(
  manifest: Manifest,
  { environment, stacks, services, existing }: Choice,
  workspace: string,
): string[] | undefined {
  const templates = [...stacks, ...services].map(({ template }) => template);
  if (templates.some((template) => namesOthers(resolve(workspace, template)))) return undefined;
  const builds = [...services, ...existing].flatMap(({ build }) => build ?? []);
  if (builds.some(({ bakeFiles }) => bakeFiles.length > 0)) return undefined;
  return [manifest.file, ...environment.parameterFiles, ...templates, ...builds.flatMap(filesOf)].map(
    (path) => toPosix(relative(workspace, resolve(workspace, path))),
  );
}

/** The first of some changed files that is one of the sources, is in one, or has one in it as a submodule does. */
export function firstOfSources(changed: readonly string[], sources: readonly string[]): string | undefined {
  const isIn = (path: string, folder: string): boolean =>
    folder === '' || path === folder || path.startsWith(`${folder}/`);
  return changed.find((path) => sources.some((source) => isIn(path, source) || isIn(source, path)));
}

function namesOthers(template: string): boolean {
  const document = readTemplateDocument(readFileSync(template, 'utf8'));
  return hasTransform(document) || findLocalPaths(document).length > 0;
}

function filesOf({ context, file, buildContexts, ociLayout, from }: Service['build']): string[] {
  if (from !== undefined) return [];
  if (ociLayout !== undefined) return [ociLayout];
  const named = Object.values(buildContexts).map((value) =>
    value.replace(/^oci-layout:\/\/([^@]+).*$/, '$1'),
  );
  const local = named.filter((value) => !value.includes('://'));
  return [context, file, join(dirname(file), `${posix.basename(toPosix(file))}.dockerignore`), ...local];
}

function toPosix(path: string): string {
  return path.split(sep).join('/');
}
