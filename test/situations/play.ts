import { setTimeout as sleep } from 'node:timers/promises';
import { callAws } from './aws.ts';
import type { Endpoint } from './endpoint.ts';
import { mismatch } from './match.ts';
import type { CallStep, RunStep, Situation, Step } from './situation.ts';

/** The outputs of the steps that have an id. */
type Known = Map<string, unknown>;

/** The pause between two attempts of a repeated call. */
const LOOK_MS = 100;

/**
 * Plays a situation until its end or its first difference, which is returned: the step's number, and how it differs.
 */
export async function play(
  situation: Situation,
  endpoint: Endpoint,
  workspace: string,
): Promise<string | undefined> {
  const known: Known = new Map();
  for (const [index, step] of situation.steps.entries()) {
    const difference = await playStep(step, { situation, endpoint, workspace, known });
    if (difference !== undefined) return `step ${index + 1}: ${difference}`;
  }
  return undefined;
}

interface Scene {
  situation: Situation;
  endpoint: Endpoint;
  workspace: string;
  known: Known;
}

async function playStep(step: Step, scene: Scene): Promise<string | undefined> {
  if ('together' in step) {
    const differences = await Promise.all(step.together.map((each) => playStep(each, scene)));
    return differences.find((each) => each !== undefined);
  }
  return 'call' in step ? await playCall(step, scene) : await playRun(step, scene);
}

async function playRun(
  step: RunStep,
  { situation, endpoint, workspace, known }: Scene,
): Promise<string | undefined> {
  const action = step.run ?? situation.action;
  const own = action === 'deploy-stack' ? { 'stack-name': situation.stack } : {};
  const inputs = resolve({ ...own, ...step.with }, known) as Record<string, string>;
  const { ok, outputs, log } = await endpoint.run(action, inputs, workspace);
  if (step.id !== undefined) known.set(step.id, { outputs });
  const { verdict, reason = log } = outputs;
  if (verdict !== step.verdict) return `expected ${step.verdict}, got ${verdict ?? 'no verdict'}: ${reason}`;
  const result = JSON.parse(outputs['result'] ?? '{}') as { ok?: boolean; error?: { code: string } };
  return (
    (ok === result.ok ? undefined : `the exit code of the verdict ${verdict} is wrong`) ??
    mismatch(step.reason, reason, 'reason') ??
    mismatch(resolve(step.outputs, known), outputs, 'outputs') ??
    mismatch(step.code, result.error?.code, 'error code') ??
    mismatch(resolve(step.result, known), result, 'result') ??
    (step.changes && sameChanges(step.changes, outputs['changes'] ?? '[]'))
  );
}

interface Change {
  logicalId: string;
  nesting?: readonly string[];
  action: string;
  replacement?: string;
}

function sameChanges(expected: readonly string[], json: string): string | undefined {
  const changes = (JSON.parse(json) as Change[]).map(({ logicalId, nesting = [], action, replacement }) =>
    [replacement === 'yes' ? 'replace' : action, [...nesting, logicalId].join('/')].join(' '),
  );
  const [wanted, got] = [expected, changes].map((each) => each.toSorted().join(', '));
  return wanted === got ? undefined : `changes: expected ${wanted}, got ${got}`;
}

async function playCall(step: CallStep, { endpoint, known }: Scene): Promise<string | undefined> {
  const until = Date.now() + (step.within ?? 0) * 1000;
  const input = resolve(step.with, known) as Record<string, unknown>;
  for (;;) {
    const { answer, error } = await callAws(endpoint, step.call, input);
    const difference =
      step.refused === undefined
        ? error === undefined
          ? (mismatch(resolve(step.answers, known), answer) ?? found(step.without, answer))
          : `refused: ${error}`
        : mismatch(step.refused, error, 'refusal');
    if (difference === undefined) {
      if (step.id !== undefined) known.set(step.id, answer);
      return undefined;
    }
    if (Date.now() >= until) return `${step.call}: ${difference}`;
    await sleep(LOOK_MS);
  }
}

function found(without: unknown, answer: unknown): string | undefined {
  return without === undefined || mismatch(without, answer) !== undefined
    ? undefined
    : `found ${JSON.stringify(without)}`;
}

/** Replaces `${{ steps.<id>.<path> }}` in all texts with the outputs of earlier steps. */
function resolve(value: unknown, known: Known): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{\{ steps\.([\w-]+)\.([\w.-]+) \}\}/g, (_, id: string, path: string) =>
      String(
        path
          .split('.')
          .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], known.get(id)),
      ),
    );
  }
  if (Array.isArray(value)) return value.map((each) => resolve(each, known));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, known)]));
}
