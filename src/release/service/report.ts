import type { RolloutReport } from '../../report/rollout.ts';

/** How the release of a service can end. Only the first two are green. */
export type ServiceVerdict =
  | 'deployed'
  | 'unchanged'
  | 'rolled-back'
  | 'superseded'
  | 'stopped'
  | 'smoke-test-failed'
  | 'pre-deploy-failed'
  | 'timed-out'
  | 'failed'
  | 'cancelled';

/** Everything that is to be told of one release. It tells failures too: releases do not throw. */
export type ServiceReport = RolloutReport & { reason: string } & (
    | { verdict: 'deployed' | 'unchanged'; ok: true }
    | { verdict: Exclude<ServiceVerdict, 'deployed' | 'unchanged'>; ok: false }
  );
