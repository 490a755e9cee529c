import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  ListChangeSetsCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import type { FaultRule } from '../../../sandbox/scenario/scenario.ts';
import { deployStack, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

/**
 * The fault matrix of the bundle: each API call of a command fails once, and, if the call changes something, also after
 * it was applied; and SIGTERM arrives during each call. Whatever the verdict, it is correct: it is compared with the
 * state of AWS. The kinds of faults alternate; in test/wire/faults.test.ts, each kind is combined with each call.
 */

const SECRET = 'correct-horse-battery';
const workspaceOf = useWorkspaces();

const template = (delay: number): string => `
Parameters:
  Secret: { Type: String, NoEcho: true }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: orders, DelaySeconds: ${delay} }
  Setting:
    Type: AWS::SSM::Parameter
    Properties: { Name: /app/secret, Type: String, Value: !Ref Secret }
`;
const workspace = workspaceOf({ '1.yml': template(1), '2.yml': template(2) });
const inputs = { template: '2.yml', parameters: `Secret=${SECRET}`, comment: 'false' };

interface Command {
  name: string;
  inputs: Record<string, string>;
  /** The verdict without faults. */
  verdict: string;
  /** Prepares the sandbox. */
  before?: 'stack';
  /** The command applies a plan that was created before. */
  planned?: true;
  /** The stack's status after success. Undefined: deleted. */
  status: string | undefined;
}

const commands: Command[] = [
  { name: 'deploy of a new stack', inputs, verdict: 'created', status: 'CREATE_COMPLETE' },
  { name: 'deploy of a change', inputs, verdict: 'updated', before: 'stack', status: 'UPDATE_COMPLETE' },
  {
    name: 'plan of a new stack',
    inputs: { ...inputs, command: 'plan' },
    verdict: 'planned',
    status: 'REVIEW_IN_PROGRESS',
  },
  {
    name: 'plan of a change',
    inputs: { ...inputs, command: 'plan' },
    verdict: 'planned',
    before: 'stack',
    status: 'CREATE_COMPLETE',
  },
  {
    name: 'apply',
    inputs: { ...inputs, command: 'apply' },
    verdict: 'updated',
    before: 'stack',
    planned: true,
    status: 'UPDATE_COMPLETE',
  },
  {
    name: 'delete',
    inputs: { command: 'delete', 'allow-delete': 'all' },
    verdict: 'deleted',
    before: 'stack',
    status: undefined,
  },
];

const faults: Pick<FaultRule, 'kind' | 'delayMs'>[] = [
  { kind: 'throttle' },
  { kind: 'error' },
  { kind: 'reset' },
  { kind: 'delay', delayMs: 1500 },
  { kind: 'malformed' },
];
const changing = new Set([
  'CreateChangeSet',
  'ExecuteChangeSet',
  'DeleteStack',
  'DeleteChangeSet',
  'CancelUpdateStack',
]);

interface Prepared {
  sandbox: Sandbox;
  inputs: Record<string, string>;
}

/** Creates the stack without the bundle, whose start would be half of the matrix's run time. */
async function createStack(sandbox: Sandbox): Promise<void> {
  const client = clientOf(sandbox, CloudFormationClient);
  await client.send(
    new CreateStackCommand({
      StackName: 'app',
      TemplateBody: template(1),
      Parameters: [{ ParameterKey: 'Secret', ParameterValue: SECRET }],
    }),
  );
  await waitUntilStackCreateComplete(
    { client, maxWaitTime: 300, minDelay: 0.02, maxDelay: 0.02 },
    { StackName: 'app' },
  );
}

async function prepare(command: Command, timeScale = 1000): Promise<Prepared> {
  const sandbox = await startSandbox({ timeScale });
  let given = command.inputs;
  if (command.before) await createStack(sandbox);
  if (command.planned) {
    const { outputs } = await deployStack(sandbox, { ...inputs, command: 'plan' }, { workspace });
    given = { ...given, plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
  }
  sandbox.calls.all.length = 0;
  return { sandbox, inputs: given };
}

/** The plan role may not delete stacks. The empty stack of a new plan remains, and the log reports it. */
function expectNoShell({ log }: Run, status: string | undefined): void {
  if (status !== 'REVIEW_IN_PROGRESS') return;
  expect(log).toMatch(
    /The empty stack app that was created for it remains, because the role may not delete stacks/,
  );
}

async function stateOf(sandbox: Sandbox): Promise<{ status: string | undefined; changeSets: string[] }> {
  const client = clientOf(sandbox, CloudFormationClient);
  const found = await client.send(new DescribeStacksCommand({ StackName: 'app' })).catch(() => undefined);
  const status = found?.Stacks?.[0]?.StackStatus;
  if (status === undefined) return { status, changeSets: [] };
  const listed = client.send(new ListChangeSetsCommand({ StackName: 'app' }));
  // A stack that is being deleted may not exist any more.
  const { Summaries = [] } = await listed.catch(() => ({ Summaries: undefined }));
  return { status, changeSets: Summaries.map((each) => each.ChangeSetName ?? '') };
}

function expectNoSecret(run: Run): void {
  const log = run.log.replaceAll(`::add-mask::${SECRET}`, '');
  expect(log + run.summary + JSON.stringify(run.outputs)).not.toContain(SECRET);
}

/** What must be true after a run that was not cancelled, whatever the fault. */
async function expectTruth(command: Command, run: Run, sandbox: Sandbox): Promise<void> {
  expectNoSecret(run);
  const verdict = run.outputs['verdict'] ?? '';
  const { status, changeSets } = await stateOf(sandbox);
  if (run.exitCode === 0) {
    expect({ verdict, status }).toEqual({ verdict: command.verdict, status: command.status });
  } else {
    expect(verdict).toMatch(/^(failed|timed-out)$/);
    expectNoShell(run, status);
  }
  const planStays = run.exitCode === 0 && command.inputs['command'] === 'plan';
  const planGiven = command.planned === true && run.exitCode !== 0;
  if (!planGiven) expect(changeSets.filter((name) => !planStays && name.includes('1001'))).toEqual([]);
}

/** Runs each command once without faults. */
const faultFree = new Map<Command, Promise<string[]>>();

/** The operations of a command without faults, in the order of their first call. */
async function operationsOf(command: Command): Promise<string[]> {
  const known = faultFree.get(command) ?? runFaultFree(command);
  faultFree.set(command, known);
  return known;
}

async function runFaultFree(command: Command): Promise<string[]> {
  const prepared = await prepare(command);
  try {
    const run = await deployStack(prepared.sandbox, prepared.inputs, { workspace });
    expect({ verdict: run.outputs['verdict'], log: run.exitCode === 0 ? '' : run.log }).toEqual({
      verdict: command.verdict,
      log: '',
    });
    return [...new Set(prepared.sandbox.calls.all.map((call) => call.operation))];
  } finally {
    await prepared.sandbox.close();
  }
}

async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const next = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, next));
}

async function collect(failures: string[], label: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(`${label}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The next kind of fault for a call of a command. */
function faultAt(command: Command, call: number): Pick<FaultRule, 'kind' | 'delayMs'> {
  return faults[(commands.indexOf(command) + call) % faults.length]!;
}

describe.each(commands)('$name', (command) => {
  test('the verdict is correct with a fault at every call', async () => {
    const cases = (await operationsOf(command)).flatMap((operation, index) => [
      { ...faultAt(command, index), operation },
      ...(changing.has(operation) ? [{ kind: 'reset' as const, operation, after: true }] : []),
    ]);
    const failures: string[] = [];
    const verdicts: Record<string, number> = {};
    await inParallel(cases, 4, async (rule) => {
      const label = `${rule.kind}${'after' in rule ? ' after' : ''} at ${rule.operation}`;
      await collect(failures, label, async () => {
        const { sandbox, inputs: given } = await prepare(command);
        try {
          sandbox.addFault(rule);
          const run = await deployStack(sandbox, given, { workspace });
          await expectTruth(command, run, sandbox);
          expect(sandbox.calls.all.some((call) => call.fault !== undefined)).toBe(true);
          const verdict = run.outputs['verdict'] ?? '';
          verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
          // The command succeeds despite a single temporary fault.
          expect(verdict).toBe(command.verdict);
        } finally {
          await sandbox.close();
        }
      });
    });
    process.stdout.write(
      `fault matrix: ${command.name}: ${cases.length} cases ${JSON.stringify(verdicts)}\n`,
    );
    expect(failures).toEqual([]);
  }, 600_000);

  test('a persistent fault fails within its timeout and leaves nothing behind', async () => {
    const operations = await operationsOf(command);
    const failures: string[] = [];
    await inParallel(operations, 4, async (operation) => {
      await collect(failures, `lasting error at ${operation}`, async () => {
        const { sandbox, inputs: given } = await prepare(command);
        try {
          sandbox.addFault({
            operation,
            kind: 'error',
            status: 403,
            code: 'AccessDenied',
            message: `User is not authorized to perform: ${operation}`,
            times: 100_000,
          });
          const run = await deployStack(sandbox, given, { workspace });
          expectNoSecret(run);
          const { status } = await stateOf(sandbox).catch(() => ({ status: 'not readable' }));
          if (run.exitCode === 0)
            expect(status).toBe(operation === 'DescribeStacks' ? 'unreachable' : command.status);
          else expect(run.outputs['verdict']).toMatch(/^(failed|timed-out|blocked)$/);
          if (run.exitCode !== 0) expect(run.outputs['reason']).toBeTruthy();
        } finally {
          await sandbox.close();
        }
      });
    });
    process.stdout.write(`fault matrix: ${command.name}, lasting: ${operations.length} cases\n`);
    expect(failures).toEqual([]);
  }, 600_000);

  test('SIGTERM during each call stops what was started and reports it', async () => {
    const operations = await operationsOf(command);
    const failures: string[] = [];
    await inParallel(operations, 3, async (operation) => {
      await collect(failures, `SIGTERM at ${operation}`, async () => {
        const { sandbox, inputs: given } = await prepare(command, 20);
        try {
          const run = await deployStack(sandbox, given, {
            workspace,
            onStart: (child) => {
              void sandbox.calls.arrival({ operation }).then(() => child.kill('SIGTERM'));
            },
          });
          expectNoSecret(run);
          if (run.exitCode === 0) {
            // The last call was answered, and the run ended before the signal arrived.
            await expectTruth(command, run, sandbox);
            return;
          }
          expect(run.outputs['verdict']).toBe('cancelled');
          // A killed run only reports that it was cancelled.
          expect(run.outputs['reason']).toMatch(/^The job was cancelled by SIGTERM\. \S/);
          const { status, changeSets } = await stateOf(sandbox);
          expectNoShell(run, status);
          if (command.planned !== true)
            expect(changeSets.filter((name) => name.includes('1001'))).toEqual([]);
        } finally {
          await sandbox.close();
        }
      });
    });
    process.stdout.write(`fault matrix: ${command.name}, SIGTERM: ${operations.length} cases\n`);
    expect(failures).toEqual([]);
  }, 600_000);
});
