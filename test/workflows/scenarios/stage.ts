import type { RunReport } from '../rehearsal/report.ts';
import type { Reviewer } from '../rehearsal/run.ts';

/** The token of the approver. */
export const LEAD = 'ghp_lead';

/** The initial state of GitHub in the scenarios: who must approve what. */
export const GITHUB = {
  tokens: { [LEAD]: 'lead' },
  environments: [
    { name: 'dev', branches: ['main'] },
    { name: 'staging', reviewers: ['lead'] },
    { name: 'prod', reviewers: ['lead'] },
  ],
};

/** Account ids that the repository stores as secrets: GitHub drops every output of a job that contains one. */
export const SECRETS = { DEV: '111111111111', STAGING: '222222222222', PROD: '333333333333' };

/** A reviewer who records the requests and answers as configured; `before` runs while the run waits. */
export function reviewer(
  decide: (environment: string) => 'approved' | 'rejected' = () => 'approved',
  before: (environment: string) => Promise<unknown> = () => Promise.resolve(),
): Reviewer & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    token: LEAD,
    review: async (environment) => {
      asked.push(environment);
      await before(environment);
      return decide(environment);
    },
  };
}

/** By job: the verdicts of its steps, or the job's result if there are none. */
export function verdictsOf({ jobs }: RunReport): Record<string, string> {
  const entries = Object.entries(jobs).map(([name, { steps, result }]) => {
    const verdicts = steps.flatMap(({ outputs }) => outputs['verdict'] ?? []);
    return [name, verdicts.length > 0 ? verdicts.join(', ') : result];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The messages of steps that have a verdict and no one-line message for it. */
export function withoutMessage({ jobs }: RunReport): string[] {
  return Object.values(jobs).flatMap(({ steps }) =>
    steps.flatMap(({ outputs: { verdict, message = '' } }) => {
      const line = new RegExp(
        `^[✅❌] \\*[a-z-]+: ${verdict ?? ''}\\* [^·]+ · .+ · <https?://[^|]+/actions/runs/\\d+\\|Run>`,
        'u',
      );
      return verdict === undefined || (line.test(message) && !message.includes('\n')) ? [] : [message];
    }),
  );
}

/** Outputs of jobs that GitHub would have dropped without an error. */
export function droppedOf({ jobs }: RunReport): string[] {
  return Object.entries(jobs).flatMap(([name, { dropped }]) => dropped.map((output) => `${name}: ${output}`));
}

/** The course of a run, for the message of a failed test. */
export function logOf({ jobs, refused }: RunReport): string {
  const logs = Object.entries(jobs).flatMap(([name, { steps, reason, result }]) => [
    `=== ${name}: ${result} ${reason}`,
    ...steps.map((step) => `--- ${step.name}: ${step.result}\n${step.log}`),
  ]);
  return [refused ?? '', ...logs].join('\n');
}
