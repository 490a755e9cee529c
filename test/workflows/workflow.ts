import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const ROOT = resolve(import.meta.dirname, '../..');
export const REUSABLE = '.github/workflows';
export const CALLERS = 'workflows';

type Permission = 'read' | 'write' | 'none';
export type Permissions = Partial<Record<string, Permission>>;

export interface Step {
  id?: string;
  name?: string;
  if?: string | boolean;
  uses?: string;
  run?: string;
  shell?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
  'working-directory'?: string;
  'continue-on-error'?: boolean | string;
}

export interface Concurrency {
  group: string;
  'cancel-in-progress'?: boolean | string;
  queue?: string;
}

export interface Job {
  name?: string;
  needs?: string | string[];
  if?: string | boolean;
  uses?: string;
  with?: Record<string, unknown>;
  secrets?: Record<string, unknown> | 'inherit';
  permissions?: Permissions;
  environment?: string | { name: string; url?: string; deployment?: boolean | string };
  concurrency?: string | Concurrency;
  strategy?: { matrix: Record<string, unknown>; 'fail-fast'?: boolean };
  outputs?: Record<string, string>;
  env?: Record<string, unknown>;
  'runs-on'?: unknown;
  'timeout-minutes'?: number | string;
  steps?: Step[];
}

export interface CallContract {
  inputs?: Record<
    string,
    { description?: string; type: string; required?: boolean; default?: unknown }
  > | null;
  secrets?: Record<string, { description?: string; required?: boolean }> | null;
  outputs?: Record<string, { description?: string; value: string }> | null;
}

export interface Workflow {
  name?: string;
  'run-name'?: string;
  on: Record<string, unknown> & {
    workflow_call?: CallContract | null;
    workflow_dispatch?: CallContract | null;
  };
  permissions?: Permissions;
  env?: Record<string, unknown>;
  concurrency?: string | Concurrency;
  jobs: Record<string, Job>;
}

export interface WorkflowFile {
  /** Its path in the repository. */
  path: string;
  text: string;
  workflow: Workflow;
}

export interface ActionDefinition {
  inputs?: Record<string, { required?: boolean; default?: string }>;
  outputs?: Record<string, unknown>;
}

/**
 * The placeholder in callers and examples for the owner of the reader's copy of this repository. No account can have
 * this name, so that an unedited caller cannot run a stranger's code: "Usernames for user accounts on GitHub can only
 * contain alphanumeric characters and dashes" (docs.github.com, Username considerations for external authentication).
 */
const OWNER_PLACEHOLDER = '<OWNER>';

/** A text after the edit that every caller requires. */
export function withOwner(text: string): string {
  return text.replaceAll(`${OWNER_PLACEHOLDER}/platform`, 'org/platform');
}

/** Parses a workflow; `on` is an object in any of its three forms. */
export function workflowFile(path: string, text: string): WorkflowFile {
  const workflow = parse(text) as Workflow & { on: string | string[] | object };
  const { on } = workflow;
  const events = typeof on === 'string' ? [on] : on;
  const byName = Array.isArray(events) ? Object.fromEntries(events.map((event) => [event, {}])) : events;
  return { path, text, workflow: { ...workflow, on: byName } };
}

/** All workflows in a folder of the repository. */
export function workflowsOf(folder: string): WorkflowFile[] {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.yml'));
  return names.map((name) => readWorkflow(`${folder}/${name}`));
}

/** A workflow of this repository; a caller as its reader has it, with the owner filled in. */
export function readWorkflow(path: string): WorkflowFile {
  return workflowFile(path, withOwner(readFileSync(join(ROOT, path), 'utf8')));
}

/**
 * The path in this repository of a `uses:`, or undefined for a third-party one. Our files use `$/…`, which is the
 * repository and commit of the YAML file; a caller elsewhere uses `org/platform/…@v1`.
 */
export function ownPath(uses: string): string | undefined {
  if (uses.startsWith('$/')) return uses.slice(2);
  return /^org\/platform\/?([^@]*)@v1$/.exec(uses)?.[1];
}

/** The action.yml at a path of this repository, or undefined if there is none. */
export function ownAction(path: string): ActionDefinition | undefined {
  const file = join(ROOT, path, 'action.yml');
  return existsSync(file) ? (parse(readFileSync(file, 'utf8')) as ActionDefinition) : undefined;
}

export function stepsOf(job: Job): Step[] {
  return job.steps ?? [];
}

export function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** Paths that the repository tracks as symbolic links. */
export function trackedLinks(root = ROOT): string[] {
  const listing = execFileSync('git', ['ls-files', '--stage', '-z'], { cwd: root, encoding: 'utf8' });
  const links = listing.split('\0').filter((line) => line.startsWith('120000 '));
  return links.map((line) => line.slice(line.indexOf('\t') + 1));
}
