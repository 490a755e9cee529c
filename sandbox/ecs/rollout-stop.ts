/** What ends a rollout before its time. */
export type StopCause =
  'superseded' | 'deleted' | 'breaker' | 'alarm' | 'hook' | 'stop-requested' | 'rollback-requested';

export class RolloutStop extends Error {
  readonly why: StopCause;
  /** What is said of it: the alarm, or the hook's stage. */
  readonly detail: string;

  constructor(why: StopCause, detail = '') {
    super(why);
    this.why = why;
    this.detail = detail;
  }
}
