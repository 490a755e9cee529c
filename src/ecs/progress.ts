import type { RolloutState } from './rollout-state.ts';

/** Targets of the service in its target groups. */
export interface TargetCount {
  healthy: number;
  registered: number;
}

/** Turns what is seen of a deployment into one line for each change. */
export class RolloutProgress {
  readonly #say: (line: string) => void;
  /** The last line of each kind. */
  readonly #said = new Map<string, string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Tells what has changed since the last look. */
  see(state: RolloutState, targets: TargetCount | undefined): void {
    this.#tell('phase', phaseLine(state));
    this.#tell('stage', state.stage === undefined ? '' : `Stage ${state.stage}.`);
    this.#tell('traffic', trafficLine(state));
    if (['in-progress', 'complete'].includes(state.phase)) this.#tell('tasks', tasksLine(state, targets));
    this.#tell('alarms', state.alarms.length === 0 ? '' : `In alarm: ${state.alarms.join(', ')}.`);
  }

  #tell(kind: string, line: string): void {
    if (line === '' || this.#said.get(kind) === line) return;
    this.#said.set(kind, line);
    this.#say(line);
  }
}

function phaseLine({ phase, reason }: RolloutState): string {
  const because = reason === undefined ? '' : `: ${reason}`;
  switch (phase) {
    case 'rolling-back':
      return `ECS rolls the deployment back${because}`;
    case 'stopping':
      return 'The deployment is being stopped.';
    default:
      return '';
  }
}

function trafficLine({ traffic }: RolloutState): string {
  if (!traffic) return '';
  const test = traffic.test > 0 ? `, ${traffic.test} % of the test traffic` : '';
  return `The new tasks get ${traffic.production} % of the traffic${test}.`;
}

function tasksLine({ tasks, failures }: RolloutState, targets: TargetCount | undefined): string {
  const parts = [
    `${tasks.running} of ${tasks.wanted} running`,
    ...(tasks.pending > 0 ? [`${tasks.pending} pending`] : []),
    ...(targets ? [`${targets.healthy} of ${targets.registered} targets healthy`] : []),
    ...(failures.count > 0 ? [failuresPart(failures)] : []),
  ];
  return `Tasks: ${parts.join(', ')}.`;
}

function failuresPart({ count, threshold }: RolloutState['failures']): string {
  return threshold === undefined ? `${count} failed` : `${count} failed of the ${threshold} that stop it`;
}
