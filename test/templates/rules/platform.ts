import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import type { ResolvedTemplate } from '../../../scripts/templates/resolve.ts';
import {
  backupStacksOf,
  previewStack,
  stacksOf,
  stacksWithCacheOf,
  workerStacksOf,
} from '../../../scripts/templates/reference.ts';
import type { Environment, Stack } from '../../../scripts/templates/reference.ts';
import { readTemplate } from '../../../scripts/templates/template.ts';
import type { Json, Template } from '../../../scripts/templates/template.ts';
import type { Finding } from '../finding.ts';

/** A stack in an environment. */
export interface PlatformStack {
  environment: string;
  template: Template;
  parameters: Record<string, string>;
  resolved: ResolvedTemplate;
}

/** Checks all stacks of an environment, in the order of their creation. */
export type Rule = (stacks: PlatformStack[]) => Finding[];

export function platformStack(
  environment: string,
  template: Template,
  parameters: Record<string, string>,
): PlatformStack {
  return { environment, template, parameters, resolved: resolveTemplate(template, parameters) };
}

/** The reference platform in an environment; dev hosts a preview. */
export function platformOf(environment: Environment): PlatformStack[] {
  const previews = environment === 'dev' ? [previewStack(7, 'user-service')] : [];
  return [...stacksOf(environment), ...workerStacksOf(environment), ...previews].map((stack) =>
    fromStack(environment, stack),
  );
}

/** The same with the provisioned database. */
export function provisionedPlatformOf(environment: Environment): PlatformStack[] {
  return stacksOf(environment).map((stack) =>
    fromStack(environment, stack.template === 'aurora-serverless' ? { ...stack, template: 'aurora' } : stack),
  );
}

/** The same with the cache. */
export function cachedPlatformOf(environment: Environment): PlatformStack[] {
  return stacksWithCacheOf(environment).map((stack) => fromStack(environment, stack));
}

/** The same with the backups, and a restore drill in progress. */
export function backedUpPlatformOf(environment: Environment): PlatformStack[] {
  const stacks = [...stacksOf(environment), ...backupStacksOf(environment)];
  return stacks.map((stack) => fromStack(environment, stack));
}

const fromStack = (environment: string, { template, parameters }: Stack): PlatformStack =>
  platformStack(environment, readTemplate(template), parameters);

export function finding(rule: string, stack: PlatformStack, message: string, resource?: string): Finding {
  const { environment, template } = stack;
  return {
    tool: 'cross-stack',
    rule,
    template: template.name,
    environment,
    ...(resource !== undefined && { resource }),
    message,
  };
}

/** Every string below a value, with the name of the function whose argument it is. */
export function* strings(
  value: Json | undefined,
  within?: string,
): Generator<{ text: string; within?: string }> {
  if (typeof value === 'string') yield within === undefined ? { text: value } : { text: value, within };
  else if (Array.isArray(value)) for (const item of value) yield* strings(item, within);
  else if (value && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      yield* strings(item, key === 'Ref' || key.startsWith('Fn::') ? key : undefined);
    }
  }
}

/** Every object and list below a value, including itself. */
export function* nodes(value: Json | undefined): Generator<Json> {
  if (value === undefined || value === null || typeof value !== 'object') return;
  yield value;
  for (const item of Object.values(value)) yield* nodes(item);
}
