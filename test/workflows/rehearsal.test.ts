import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { gitHubState } from '../../sandbox/github/state.ts';
import { useWorkspaces } from '../support/action.ts';
import { gate, job, LEAD, useRehearsals, workflow } from './rehearsal/made-up.ts';
import { CALLERS, REUSABLE, ROOT, workflowFile, workflowsOf } from './workflow.ts';

const rehearsalOf = useRehearsals();
const workspaceOf = useWorkspaces();

const push = { name: 'push' };

describe('jobs', () => {
  test('run in the order of their needs and receive outputs', async () => {
    const rehearsal = await rehearsalOf();
    const report = await rehearsal.play(
      workflow(
        job(
          'first',
          'echo "word=hello" >> "$GITHUB_OUTPUT"',
          "outputs: { word: '${{ steps.s.outputs.word }}' }",
        ) +
          job('second', 'echo "got $WORD"', "needs: first\nenv: { WORD: '${{ needs.first.outputs.word }}' }"),
      ),
      push,
    );
    expect(report.result).toBe('success');
    expect(report.jobs['second']?.steps[0]?.log).toBe('got hello\n');
  });

  test('of a matrix are one for each combination', async () => {
    const rehearsal = await rehearsalOf();
    const report = await rehearsal.play(
      workflow(
        job(
          'a',
          'echo "$X $Y"',
          "strategy: { matrix: { x: [1, 2], y: [b], include: [{ x: 2, z: c }, { x: 9, y: n }] } }\nenv: { X: '${{ matrix.x }}', Y: '${{ matrix.y }}${{ matrix.z }}' }",
        ),
      ),
      push,
    );
    const logs = Object.entries(report.jobs).map(([name, { steps }]) => [name, steps[0]?.log.trim()]);
    expect(Object.fromEntries(logs)).toEqual({ 'a (1, b)': '1 b', 'a (2, b, c)': '2 bc', 'a (9, n)': '9 n' });
  });

  test('have an empty workspace until they check out the repository', async () => {
    const rehearsal = await rehearsalOf();
    const steps = `a:\n  runs-on: x\n  steps:\n    - run: ls\n    - uses: actions/checkout@${'a'.repeat(40)}\n    - run: cat README.md\n`;
    const report = await rehearsal.play(workflow(steps), push);
    expect(report.jobs['a']?.steps.map(({ log }) => log)).toEqual(['', '', 'the repository']);
  });

  test('stop at a failing step, except steps with always()', async () => {
    const rehearsal = await rehearsalOf();
    const steps =
      'a:\n  runs-on: x\n  steps:\n    - run: "false"\n    - run: echo no\n    - { run: echo yes, if: always() }\n    - { run: echo why, if: failure() }';
    const report = await rehearsal.play(workflow(steps), push);
    expect(report.jobs['a']?.steps.map(({ result }) => result)).toEqual([
      'failure',
      'skipped',
      'success',
      'success',
    ]);
  });
});

describe('environments', () => {
  /** The documentation of deployment branches on GITHUB_REF and wildcards. */
  test.each([
    ['refs/heads/main', ['main'], true],
    ['refs/heads/main', ['refs/pull/*/merge'], false],
    ['refs/heads/main', [], false],
    ['refs/pull/5/merge', ['refs/pull/*/merge'], true],
    ['refs/pull/5/merge', ['main'], false],
    ['refs/pull/5/merge', ['*'], false],
    ['refs/heads/releases/1', ['releases/*'], true],
    ['refs/heads/releases/1/2', ['releases/*'], false],
    ['refs/heads/releases/1/2', ['releases/*/*'], true],
    ['refs/heads/domain', ['main'], false],
    ['refs/heads/topic', undefined, true],
  ])('%s with the branch policy %j: %p', async (ref, branches, allowed) => {
    const github = { environments: [{ name: 'prod', ...(branches && { branches }) }] };
    const rehearsal = await rehearsalOf({}, github);
    const report = await rehearsal.play(workflow(job('deploy', 'true', 'environment: prod')), {
      name: 'push',
      ref,
    });
    // The message is quoted in https://github.com/actions/action-versions/issues/119.
    const branch = ref.replace('refs/heads/', '');
    expect(report.jobs['deploy']).toMatchObject(
      allowed
        ? { result: 'success' }
        : {
            result: 'failure',
            reason: `Branch "${branch}" is not allowed to deploy to prod due to environment protection rules.`,
            steps: [],
          },
    );
  });

  const deploy = workflow(job('deploy', 'echo deployed', 'environment: prod'));
  const environments = [{ name: 'prod', reviewers: ['lead'] }];

  test.each([
    ['approved', 'success', 1],
    ['rejected', 'failure', 0],
  ] as const)('that are %s', async (decision, result, steps) => {
    const reviewer = { token: LEAD, review: () => Promise.resolve(decision) };
    const rehearsal = await rehearsalOf({ reviewer }, { environments });
    const report = await rehearsal.play(deploy, push);
    expect(report.jobs['deploy']).toMatchObject({ result, environment: 'prod' });
    expect(report.jobs['deploy']?.steps).toHaveLength(steps);
    const [run] = gitHubState(rehearsal.stage.sandbox.world).runs;
    expect(run?.approvals).toMatchObject([{ state: decision, user: { login: 'lead' } }]);
  });

  test('that do not exist have no protection', async () => {
    const rehearsal = await rehearsalOf({}, { environments: [] });
    expect((await rehearsal.play(deploy, push)).result).toBe('success');
  });

  // actions/runner, JobExtension.FinalizeJob: whatever the job's result.
  test.each<[string, string, string, object]>([
    [
      'of a step',
      'echo "url=https://x.example" >> "$GITHUB_OUTPUT"',
      'success',
      { url: 'https://x.example' },
    ],
    [
      'of a step that then fails',
      'echo "url=https://x.example" >> "$GITHUB_OUTPUT"; exit 1',
      'failure',
      { url: 'https://x.example' },
    ],
    [
      'that is not a URL',
      'true',
      'success',
      {
        warning:
          "Environment URL '' is not a valid http(s) URL, so it will not be shown as a link in the workflow graph.",
      },
    ],
    [
      'with a masked value',
      'echo "url=https://s3cret.example" >> "$GITHUB_OUTPUT"',
      'success',
      { warning: "Skip setting environment url as environment 'prod' may contain secret." },
    ],
  ])('have the url %s', async (_, script, result, environmentUrl) => {
    const rehearsal = await rehearsalOf({ secrets: { KEY: 's3cret' } });
    const environment = "environment: { name: prod, url: '${{ steps.s.outputs.url }}' }";
    const report = await rehearsal.play(workflow(job('deploy', script, environment)), push);
    expect(report.jobs['deploy']).toMatchObject({ result, environmentUrl });
    const [deployment] = gitHubState(rehearsal.stage.sandbox.world).deployments;
    expect(deployment).toMatchObject({ environment: 'prod', statuses: [{ state: result }] });
    expect(deployment?.statuses[0]?.fields['environment_url']).toBe(
      'url' in environmentUrl ? environmentUrl.url : undefined,
    );
  });

  test('with reviewers keep a run waiting until it is cancelled', async () => {
    const asked = gate<undefined>();
    const review = () => {
      asked.open(undefined);
      return new Promise<'approved'>(() => undefined);
    };
    const rehearsal = await rehearsalOf({ reviewer: { token: LEAD, review } }, { environments });
    const run = rehearsal.start(deploy, push);
    await asked.passed;
    run.cancel();
    expect((await run.finished).jobs['deploy']).toMatchObject({ result: 'cancelled', steps: [] });
  });
});

describe('tokens', () => {
  const comment =
    'curl -s -o /dev/null -w "%{http_code}" -X POST -H "authorization: bearer $TOKEN" -d \'{"body":"x"}\' "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments"';
  const env = "env: { TOKEN: '${{ github.token }}' }";

  test.each([
    ['pull-requests: write', '201'],
    ['contents: read', '403'],
  ])('with %s', async (permission, status) => {
    const rehearsal = await rehearsalOf();
    const report = await rehearsal.play(
      workflow(job('a', comment, `${env}\npermissions: { ${permission} }`)),
      push,
    );
    expect(report.jobs['a']?.steps[0]?.log).toBe(status);
  });

  test('of a pull request from a fork are read-only, without OIDC and secrets', async () => {
    const rehearsal = await rehearsalOf({ secrets: { KEY: 'value' } });
    const script = `${comment}\necho " [\${KEY}] [\${ACTIONS_ID_TOKEN_REQUEST_URL:-none}]"`;
    const file = workflow(
      job(
        'a',
        script,
        `env: { TOKEN: '\${{ github.token }}', KEY: '\${{ secrets.KEY }}' }\npermissions: { pull-requests: write, id-token: write }`,
      ),
      'on: pull_request',
    );
    const payload = { pull_request: { number: 1, head: { repo: { full_name: 'someone/fork' } } } };
    const report = await rehearsal.play(file, { name: 'pull_request', payload });
    expect(report.jobs['a']?.steps[0]?.log).toBe('403 [] [none]\n');
  });
});

describe('a called workflow', () => {
  test('that requests more permissions than its caller has is refused before it runs', async () => {
    const path = '.github/workflows/called.yml';
    const called = workflow(
      job('test', 'true', 'permissions: { contents: read }'),
      'on: workflow_call',
      path,
    );
    const rehearsal = await rehearsalOf({ workflows: { [path]: called } });
    const report = await rehearsal.play(workflow(`a: { uses: $/${path}, permissions: {} }`), push);
    expect(report).toMatchObject({ result: 'failure', jobs: {} });
    expect(report.refused).toBe(
      "the nested job a / test is requesting 'contents: read', but is only allowed 'contents: none'",
    );
  });
});

test('an unedited caller does not start, because the placeholder is not a valid owner', async () => {
  const callers = workflowsOf(CALLERS).map(({ path }) => path);
  const refused = await Promise.all(
    callers.map(async (path) => {
      const rehearsal = await rehearsalOf();
      const file = workflowFile(path, readFileSync(join(ROOT, path), 'utf8'));
      const [name = ''] = Object.keys(file.workflow.on);
      const inputs = name === 'workflow_dispatch' ? { reason: 'test' } : undefined;
      const report = await rehearsal.play(file, {
        name,
        ...(inputs && path.endsWith('rollback.yml') && { inputs }),
      });
      return {
        path,
        jobs: Object.keys(report.jobs).filter((job) => report.jobs[job]?.result !== 'skipped'),
        refused: report.refused,
      };
    }),
  );
  console.info(`${callers.length} callers`);
  for (const { path, jobs, refused: message } of refused) {
    expect({ path, jobs }).toEqual({ path, jobs: [] });
    expect(message).toMatch(/^error parsing called workflow "<OWNER>\/platform\/.*: workflow was not found$/);
  }
});

test('a cancelled step gets SIGINT, and steps with always() still run', async () => {
  const rehearsal = await rehearsalOf();
  const file = workflow(
    'a:\n  runs-on: x\n  steps:\n    - run: trap "echo stopped; exit 1" INT; touch "$FLAG"; while true; do sleep 0.1; done\n    - { run: echo bye, if: always() }',
  );
  const flag = `${workspaceOf({})}/started`;
  rehearsal.stage.env = { FLAG: flag };
  const run = rehearsal.start(file, push);
  const { existsSync } = await import('node:fs');
  while (!existsSync(flag)) await new Promise((done) => setTimeout(done, 20));
  run.cancel();
  const { jobs, result } = await run.finished;
  expect(result).toBe('cancelled');
  expect(jobs['a']?.steps.map(({ result: each, log }) => [each, log])).toEqual([
    ['cancelled', 'stopped\n'],
    ['success', 'bye\n'],
  ]);
});

describe('runs-on', () => {
  const input = (value: string): string =>
    `on:\n  workflow_dispatch:\n    inputs:\n      runner: { type: string, default: ${JSON.stringify(value)} }`;
  const reusable = workflowsOf(REUSABLE).filter(
    ({ workflow: { on } }) => on.workflow_call?.inputs?.['runner'],
  );
  const asked = reusable.flatMap(({ path, workflow: { jobs } }) =>
    Object.entries(jobs).flatMap(([name, job]) =>
      job.uses === undefined ? [[`${path} ${name}`, job['runs-on']] as const] : [],
    ),
  );
  const expression = asked[0]![1] as string;
  const runners = [
    { labels: ['ubuntu-latest'] },
    { labels: ['self-hosted', 'Linux', 'X64'] },
    { labels: ['self-hosted', 'linux', 'gpu'], group: 'deploy' },
    { labels: ['large'], group: 'organization/large' },
  ];

  async function runnerOf(value: string) {
    const rehearsal = await rehearsalOf({ runners });
    const made = `a:\n  runs-on: ${expression}\n  steps: [{ run: 'true' }]`;
    const report = await rehearsal.play(workflow(made, input(value)), { name: 'workflow_dispatch' });
    const { result, reason, runner } = report.jobs['a']!;
    return { result, reason, runner };
  }

  test.each(asked)('%s behaves the same', (_, runsOn) => {
    expect(runsOn).toBe(expression);
  });

  test.each<[string, object]>([
    ['ubuntu-latest', { labels: ['ubuntu-latest'] }],
    ['["self-hosted", "linux"]', { labels: ['self-hosted', 'linux'] }],
    ['["self-hosted", "linux"]\n', { labels: ['self-hosted', 'linux'] }],
    ['{"group": "deploy"}', { labels: [], group: 'deploy' }],
    ['{"group": "deploy", "labels": ["gpu"]}', { labels: ['gpu'], group: 'deploy' }],
    ['{"group": "deploy", "labels": "gpu"}', { labels: ['gpu'], group: 'deploy' }],
    ['{"group": "organization/large"}', { labels: [], group: 'organization/large' }],
    ['{"labels": ["self-hosted", "x64"]}', { labels: ['self-hosted', 'x64'] }],
  ])('accepts %s', async (value, runner) => {
    expect(await runnerOf(value)).toEqual({ result: 'success', reason: '', runner });
  });

  // https://github.com/withakay/runner-env-var-repro: "Error when evaluating 'runs-on' for job …: Unexpected value ''"
  test.each<[string, RegExp]>([
    ['', /^Error when evaluating 'runs-on' for job 'a'\. .*Unexpected value ''/],
    ['["self-hosted"', /Error parsing JSON when evaluating fromJson/],
    ['{"group": "deploy",}', /Error parsing JSON when evaluating fromJson/],
    ['{"grupo": "deploy"}', /Unexpected value 'grupo'/],
    ['[""]', /Unexpected value ''/],
    ['[["self-hosted"]]', /sequence was not expected/],
    ['{"group": "a/b/c"}', /Invalid runs-on group name 'a\/b\/c/],
    // A runner must have all labels and be in the group.
    ['["gpu", "x64"]', /^no runner has all labels of \[gpu, x64\]$/],
    ['{"group": "deploy", "labels": ["x64"]}', /^no runner in the group deploy has all labels/],
    ['{"group": "other"}', /^no runner in the group other/],
    ['self-hosted, linux', /^no runner has all labels of \[self-hosted, linux\]$/],
    [' ["self-hosted"]', /^no runner has all labels of \[ \["self-hosted"\]\]$/],
  ])('refuses %s', async (value, reason) => {
    expect(await runnerOf(value)).toMatchObject({
      result: 'failure',
      reason: expect.stringMatching(reason) as unknown,
    });
  });
});

/** "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got 1726k." (airbytehq/airbyte#18868) */
test.each([
  [1_048_576, true],
  [1_048_577, false],
])('a summary of %d bytes is shown completely or not at all', async (size, shown) => {
  const rehearsal = await rehearsalOf();
  const script = `head -c ${size} /dev/zero | tr '\\0' x >> "$GITHUB_STEP_SUMMARY"`;
  const report = await rehearsal.play(workflow(job('long', script)), push);
  const step = report.jobs['long']?.steps[0];
  expect([step?.result, step?.summary.length]).toEqual(['success', shown ? size : 0]);
  expect(step?.log.includes('upload aborted, supports content up to a size of 1024k')).toBe(!shown);
});
