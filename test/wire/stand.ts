import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { type Sandbox, type Scenario, startSandbox } from '../../sandbox/index.ts';
import { cloudFormationClient } from '../../src/aws/clients.ts';
import { deployStack } from '../../src/cloudformation/commands/deploy-stack.ts';
import type { StackCommandContext } from '../../src/cloudformation/command-run.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import { runningRevisionIn } from '../../src/environment/run/follow-service.ts';
import { Annotations } from '../../src/core/log.ts';
import { Unstopped } from '../../src/core/cancellation.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { RateLimiter } from '../../src/core/network/rate-limiter.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { presentStack } from '../../src/present/stack.ts';
import { recordingLog } from '../unit/core/fakes.ts';
import { inputsOf } from '../unit/cloudformation/stack-world.ts';

const REGION = 'eu-west-1';
const ACCOUNT = '111111111111';
/** Polls of a second are too slow for a world that runs a thousand times faster. */
const SLEEP_SCALE = 50;

export interface Stand {
  sandbox: Sandbox;
  client: CloudFormationClient;
  lines: string[];
  /** The options of the functions of `src/cloudformation`. */
  context: StackCommandContext;
  /**
   * Runs a command of deploy-stack on the stack `app`, with this template in its workspace, as `app.yml` or `template`.
   */
  run(template: string, values?: Partial<DeployStackInputs>, signal?: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

/** A sandbox, and everything that deploy-stack needs to use it over the wire. */
export async function stand(scenario: Scenario = {}): Promise<Stand> {
  const sandbox = await startSandbox({ timeScale: 2000, scenario, accounts: [ACCOUNT] });
  const env = sandbox.env(ACCOUNT);
  const workspace = mkdtempSync(join(tmpdir(), 'wire-'));
  const clock: Clock = {
    now: () => Date.now(),
    sleep: (ms, signal) => systemClock.sleep(ms / SLEEP_SCALE, signal),
  };
  const { log, lines, redactor } = recordingLog();
  const credentials = {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    ...(env['AWS_SESSION_TOKEN'] ? { sessionToken: env['AWS_SESSION_TOKEN'] } : {}),
  };
  const session = { region: REGION, credentials, accountId: () => Promise.resolve(ACCOUNT) };
  const limiter = new RateLimiter({ perSecond: 1000, burst: 1000, clock });
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const client = await cloudFormationClient(session, { clock, limiter });
  let attempt = 0;
  const signal = new AbortController().signal;
  const reports = { annotations: new Annotations(), unstopped: new Unstopped() };
  const context = { session, client, log, clock, signal, redactor, limiter, ...reports };
  return {
    context,
    sandbox,
    client,
    lines,
    run: async (template, values = {}, signal = new AbortController().signal) => {
      if (template !== '') writeFileSync(join(workspace, values.template ?? 'app.yml'), template);
      const inputs = inputsOf({ capabilities: ['CAPABILITY_IAM'], timeoutMs: 280_000, ...values });
      if (template === '') delete inputs.template;
      const annotations = new Annotations();
      const shared = {
        session,
        log,
        clock,
        signal,
        redactor,
        limiter,
        annotations,
        unstopped: new Unstopped(),
      };
      const runningRevision = runningRevisionIn(session, shared, {});
      // Caches by client belong to one run, because each run is a separate process.
      const ownClient = Object.create(client) as CloudFormationClient;
      const context = { ...shared, client: ownClient, runningRevision };
      const identity = { id: '1001', attempt: ++attempt, workspace };
      const outcome = presentStack(await deployStack(context, inputs, identity));
      for (const annotation of outcome.annotations ?? []) annotations.add(annotation);
      annotations.flush(log);
      return outcome;
    },
    close: async () => {
      client.destroy();
      rmSync(workspace, { recursive: true, force: true });
      await sandbox.close();
    },
  };
}
