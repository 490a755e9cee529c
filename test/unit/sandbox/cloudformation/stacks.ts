import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import type {
  CreateChangeSetCommandInput,
  DescribeChangeSetCommandOutput,
  ExecuteChangeSetCommandInput,
  ResourceChange,
  Stack,
  StackEvent,
} from '@aws-sdk/client-cloudformation';
import type { Sandbox, SandboxOptions } from '../../../../sandbox/index.ts';
import { configOf, DEV, sandboxOf } from '../clients.ts';

/** Simulated seconds take microseconds: the order of events is kept, and tests do not wait. */
const TIME_SCALE = 5000;
/** The pause between two reads of a final state, each of which takes more than a millisecond. */
const END_PAUSE_MS = 8;

/** A sandbox, its CloudFormation client, and common operations of tests on stacks. */
export class Stacks {
  readonly sandbox: Sandbox;
  readonly client: CloudFormationClient;
  #count = 0;

  constructor(sandbox: Sandbox, account = DEV) {
    this.sandbox = sandbox;
    this.client = new CloudFormationClient(configOf(sandbox, account));
  }

  static async start(options: SandboxOptions = {}): Promise<Stacks> {
    return new Stacks(await sandboxOf({ timeScale: TIME_SCALE, ...options }));
  }

  /** Creates a change set and waits until it is complete or has failed. */
  async plan(
    StackName: string,
    TemplateBody: string | undefined,
    options: Partial<CreateChangeSetCommandInput> & { params?: Record<string, string> } = {},
  ): Promise<DescribeChangeSetCommandOutput> {
    const { params, ...rest } = options;
    this.#count += 1;
    const { Id } = await this.client.send(
      new CreateChangeSetCommand({
        StackName,
        TemplateBody,
        ChangeSetName: `plan-${this.#count}`,
        Capabilities: ['CAPABILITY_NAMED_IAM'],
        Parameters: Object.entries(params ?? {}).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
        ...rest,
      }),
    );
    return this.until(
      () =>
        this.client.send(new DescribeChangeSetCommand({ ChangeSetName: Id, IncludePropertyValues: true })),
      ({ Status }) => Status === 'CREATE_COMPLETE' || Status === 'FAILED',
      END_PAUSE_MS,
    );
  }

  /** Executes a change set and waits for the end. */
  async apply(
    plan: { ChangeSetId?: string | undefined; StackId?: string | undefined },
    options: Partial<ExecuteChangeSetCommandInput> = {},
  ): Promise<Stack> {
    await this.client.send(new ExecuteChangeSetCommand({ ChangeSetName: plan.ChangeSetId, ...options }));
    return this.settled(plan.StackId ?? '');
  }

  /** Plans and applies. The first time, the stack is created. */
  async deploy(
    name: string,
    body: string,
    options: Parameters<Stacks['plan']>[2] & { execute?: Partial<ExecuteChangeSetCommandInput> } = {},
  ): Promise<Stack> {
    const { execute, ...rest } = options;
    const type = (await this.find(name)) ? 'UPDATE' : 'CREATE';
    const plan = await this.plan(name, body, { ChangeSetType: type, ...rest });
    if (plan.Status === 'FAILED') throw new Error(plan.StatusReason);
    return this.apply(plan, execute);
  }

  async find(name: string): Promise<Stack | undefined> {
    try {
      return (await this.client.send(new DescribeStacksCommand({ StackName: name }))).Stacks?.[0];
    } catch {
      return undefined;
    }
  }

  /** The stack, after its operation has ended. */
  async settled(name: string): Promise<Stack> {
    const read = async (): Promise<Stack> =>
      (await this.client.send(new DescribeStacksCommand({ StackName: name }))).Stacks![0]!;
    return this.until(
      read,
      ({ StackStatus }) => !StackStatus!.endsWith('_IN_PROGRESS') || StackStatus === 'REVIEW_IN_PROGRESS',
      END_PAUSE_MS,
    );
  }

  async delete(name: string, options: object = {}): Promise<Stack> {
    const stack = await this.find(name);
    await this.client.send(new DeleteStackCommand({ StackName: name, ...options }));
    return this.settled(stack!.StackId!);
  }

  /** All events, oldest first. */
  async events(name: string): Promise<StackEvent[]> {
    const events: StackEvent[] = [];
    let NextToken: string | undefined;
    do {
      const page = await this.client.send(new DescribeStackEventsCommand({ StackName: name, NextToken }));
      events.push(...(page.StackEvents ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return events.reverse();
  }

  /** `Vpc CREATE_COMPLETE` for each event, with its reason in brackets; those of the stack itself as `*`. */
  async story(name: string): Promise<string[]> {
    return (await this.events(name)).map((event) => {
      const who = event.PhysicalResourceId === event.StackId ? '*' : event.LogicalResourceId;
      const why = event.ResourceStatusReason === undefined ? '' : ` (${event.ResourceStatusReason})`;
      return `${String(who)} ${String(event.ResourceStatus)}${why}`;
    });
  }

  /** Reads often enough to see intermediate states, until the result matches. Fails after half a minute. */
  async until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, pauseMs = 2): Promise<T> {
    for (const end = Date.now() + 300_000; ;) {
      const answer = await ask();
      if (wanted(answer)) return answer;
      if (Date.now() > end) throw new Error(`still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** The changes of a plan by logical id. */
export function changesOf(plan: DescribeChangeSetCommandOutput): Record<string, ResourceChange> {
  return Object.fromEntries(
    (plan.Changes ?? []).map(({ ResourceChange: change }) => [change!.LogicalResourceId!, change!]),
  );
}
