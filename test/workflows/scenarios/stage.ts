import type { RunReport } from '../rehearsal/report.ts';
import type { Reviewer } from '../rehearsal/run.ts';

/** The token of the one who approves. */
export const LEAD = 'ghp_lead';

/** GitHub as the scenarios find it: who must approve what. */
export const GITHUB = {
  tokens: { [LEAD]: 'lead' },
  environments: [
    { name: 'dev', branches: ['main'] },
    { name: 'staging', reviewers: ['lead'] },
    { name: 'prod', reviewers: ['lead'] },
  ],
};

/** Account ids that the repository keeps as secrets: GitHub drops every output of a job that holds one. */
export const SECRETS = { DEV: '111111111111', STAGING: '222222222222', PROD: '333333333333' };

/** A reviewer who remembers what was asked, and answers as told; `before` happens while the run waits. */
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

/** By job: the verdicts of its steps that have one, or the job's result where none has. */
export function verdictsOf({ jobs }: RunReport): Record<string, string> {
  const entries = Object.entries(jobs).map(([name, { steps, result }]) => {
    const verdicts = steps.flatMap(({ outputs }) => outputs['verdict'] ?? []);
    return [name, verdicts.length > 0 ? verdicts.join(', ') : result];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The messages of steps that have a verdict and no message of one line for it. */
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

/** Why a run went as it did, for the message of a test that fails. */
export function logOf({ jobs, refused }: RunReport): string {
  const logs = Object.entries(jobs).flatMap(([name, { steps, reason, result }]) => [
    `=== ${name}: ${result} ${reason}`,
    ...steps.map((step) => `--- ${step.name}: ${step.result}\n${step.log}`),
  ]);
  return [refused ?? '', ...logs].join('\n');
}
