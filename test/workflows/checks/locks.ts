import { toText } from '../rehearsal/expressions.ts';
import { ownPath, stepsOf } from '../workflow.ts';
import type { Job, Step, WorkflowFile } from '../workflow.ts';

/** The time that a job must have left after it has waited for a lock, in minutes. */
const WORK = 60;

/** Jobs whose steps may wait for locks until nothing is left of their `timeout-minutes`, and steps that hardly wait. */
export function lockProblems({ workflow }: WorkflowFile): string[] {
  return Object.entries(workflow.jobs).flatMap(([name, job]) => jobProblems(name, job));
}

function jobProblems(name: string, job: Job): string[] {
  const steps = stepsOf(job).filter(takesLock);
  if (steps.length === 0) return [];
  const waits = steps.map(({ with: inputs = {} }) => minutesOf(inputs['lock-timeout']));
  if (waits.includes(undefined))
    return [`${name}: a step that takes a lock does not say lock-timeout in minutes`];
  const needed = waits.reduce<number>((sum, minutes = 0) => sum + minutes, WORK);
  const given = Number(job['timeout-minutes']);
  return given >= needed ? [] : [`${name}: timeout-minutes is ${given}, and its steps may need ${needed}`];
}

function takesLock({ uses = '', with: inputs = {} }: Step): boolean {
  switch (ownPath(uses)) {
    case 'actions/deploy-environment':
      return ['deploy', 'apply', 'destroy'].includes(toText(inputs['command'] ?? 'deploy'));
    case 'actions/promote-environment':
      return (
        ['promote', 'rollback'].includes(toText(inputs['command'] ?? 'promote')) &&
        inputs['dry-run'] !== 'true'
      );
    default:
      return false;
  }
}

function minutesOf(duration: unknown): number | undefined {
  const [, minutes] = /^(\d+)m$/.exec(toText(duration)) ?? [];
  return minutes === undefined ? undefined : Number(minutes);
}
