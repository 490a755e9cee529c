/** Why a task ends. Its texts are those that DescribeTasks gives. */
export class TaskStop extends Error {
  readonly stopCode: string;
  /** Of the containers, by name. */
  readonly exits: Readonly<Record<string, { exitCode?: number; reason?: string }>>;

  constructor(stopCode: string, stoppedReason: string, exits: TaskStop['exits'] = {}) {
    super(stoppedReason);
    this.stopCode = stopCode;
    this.exits = exits;
  }

  /** True when the scheduler or a person wanted it, so that it tells nothing of the revision. */
  get isWanted(): boolean {
    return (
      this.stopCode === 'UserInitiated' ||
      (this.stopCode === 'ServiceSchedulerInitiated' &&
        this.message.startsWith('Scaling activity initiated by'))
    );
  }
}

export function failedToStart(reason: string, container?: string): TaskStop {
  return new TaskStop(
    'TaskFailedToStart',
    reason,
    container === undefined ? {} : { [container]: { reason } },
  );
}

export function scaledIn(deploymentId: string): TaskStop {
  return new TaskStop(
    'ServiceSchedulerInitiated',
    `Scaling activity initiated by (deployment ${deploymentId})`,
  );
}
