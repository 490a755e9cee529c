import { deployStack } from '../../../src/cloudformation/commands/deploy-stack.ts';
import type { StackResult } from '../../../src/cloudformation/commands/result.ts';
import type { DeployStackInputs } from '../../../src/cloudformation/context.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { presentStack } from '../../../src/present/stack.ts';
import { awsError, fail, type FakeAws, fakeAws, type Handlers, type Input, notFound } from './aws.ts';

const STACK_TYPE = 'AWS::CloudFormation::Stack';

/** An event of the script. Without a logical id, it is the stack's own event, and its status becomes the stack's. */
export interface Step {
  /** Seconds after the request. */
  at: number;
  id?: string;
  type?: string;
  status: string;
  reason?: string;
  physicalId?: string;
  /** The ARN of the nested stack whose event it is. */
  stackId?: string;
  /** Replaces the request's token; null for none. */
  token?: string | null;
}

interface Event {
  EventId: string;
  StackId: string;
  StackName: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
  ResourceType: string;
  ResourceStatus: string;
  ResourceStatusReason?: string;
  ClientRequestToken?: string;
  OperationId?: string;
  Timestamp: Date;
}

interface ChangeSet {
  name: string;
  id: string;
  description: string;
  execution: string;
  kind: string;
}

export interface WorldOptions {
  /** The stack's status before the run. If absent, the stack does not exist. */
  status?: string;
  /** Additional fields of DescribeStacks. */
  stack?: Input;
  /** The changes of the change set. An empty list is a change set of only outputs, null one without changes. */
  changes?: Input[] | null;
  /** The events after a request. */
  plays?: Partial<
    Record<'ExecuteChangeSet' | 'DeleteStack' | 'ContinueUpdateRollback' | 'RollbackStack', Step[]>
  >;
  /** The number of reads after a request for which DescribeStacks still returns the previous status. */
  staleReads?: number;
  /** An endpoint without ClientRequestToken in events. */
  noTokens?: boolean;
  /** The result of ListStackResources. */
  resources?: Input[];
  /** Replaces the world's responses. */
  handlers?: Handlers;
}

const STACK_ID = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1';
const ADDED = [
  {
    Type: 'Resource',
    ResourceChange: { Action: 'Add', LogicalResourceId: 'Vpc', ResourceType: 'AWS::EC2::VPC' },
  },
];
const TEMPLATE = 'Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n';

/** A stack in an account, as far as the commands that change stacks need it, played on the fake clock. */
export class StackWorld {
  readonly aws: FakeAws;
  status: string | undefined;
  policy: string | undefined;
  readonly events: Event[] = [];
  readonly #options: WorldOptions;
  #protected: boolean;
  #changeSet: ChangeSet | undefined;
  #pending: { due: number; event: Event; own: boolean }[] = [];
  #stale: { status: string | undefined; reads: number } = { status: undefined, reads: 0 };
  #executed: string | undefined;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.status = options.status;
    this.#protected = options.stack?.['EnableTerminationProtection'] === true;
    this.aws = fakeAws({ ...this.#handlers(), ...options.handlers });
    if (options.status !== undefined)
      this.#record({ at: 0, status: options.status, token: 'Console-Old' }, undefined);
  }

  get changeSets(): number {
    return this.#changeSet ? 1 : 0;
  }

  /** Plays events as if a request with this token had just been made. */
  play(steps: readonly Step[], token?: string): void {
    const now = this.aws.clock.now();
    const events = steps.map((step) => {
      const event = this.#event(step, token, now + step.at * 1000);
      return { due: now + step.at * 1000, event, own: step.id === undefined && step.stackId === undefined };
    });
    this.#pending.push(...events);
  }

  /** The events of a stack so far, newest first. */
  eventsOf(stackId: string): Event[] {
    this.#advance();
    return this.events.filter(({ StackId }) => StackId === stackId || stackId === 'app').slice(0, 100);
  }

  #record(step: Step, token: string | undefined): void {
    this.events.unshift(this.#event(step, token, this.aws.clock.now() - 1000));
  }

  #event(step: Step, token: string | undefined, at: number): Event {
    const { id, type, status, reason, physicalId, stackId = STACK_ID } = step;
    const carried = step.token === undefined ? token : (step.token ?? undefined);
    this.#counter += 1;
    return {
      EventId: `event-${this.#counter}`,
      StackId: stackId,
      StackName: 'app',
      LogicalResourceId: id ?? 'app',
      PhysicalResourceId: physicalId ?? (id === undefined ? stackId : `${id}-id`),
      ResourceType: type ?? (id === undefined ? STACK_TYPE : 'AWS::EC2::VPC'),
      ResourceStatus: status,
      ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
      ...(carried === undefined || this.#options.noTokens ? {} : { ClientRequestToken: carried }),
      OperationId: 'operation-1',
      Timestamp: new Date(at),
    };
  }
  #counter = 0;
  #updated = new Date(0);

  #advance(): void {
    const now = this.aws.clock.now();
    const due = this.#pending.filter((item) => item.due <= now);
    this.#pending = this.#pending.filter((item) => item.due > now);
    for (const { event, own } of due) {
      this.events.unshift(event);
      if (own) this.status = event.ResourceStatus;
    }
  }

  /** Accepts an execution like AWS, whatever the response. */
  execute(input: Input): object {
    if (!this.#changeSet) fail(notFound());
    this.#changeSet.execution = 'EXECUTE_IN_PROGRESS';
    this.#executed = this.#changeSet.id;
    return this.#request('ExecuteChangeSet', input);
  }

  /** An executable change set, as a plan job creates it. */
  lay(name: string, execution = 'AVAILABLE'): void {
    const id = `arn:aws:cloudformation:eu-west-1:111111111111:changeSet/${name}/1`;
    this.#changeSet = { name, id, description: '', execution, kind: 'UPDATE' };
  }

  #request(operation: keyof NonNullable<WorldOptions['plays']>, input: Input): object {
    this.#advance();
    this.#stale = { status: this.status, reads: this.#options.staleReads ?? 0 };
    this.#updated = new Date(this.aws.clock.now());
    this.play(this.#options.plays?.[operation] ?? [], input['ClientRequestToken'] as string | undefined);
    this.#advance();
    return {};
  }

  #describe(): object {
    this.#advance();
    const stale = this.#stale.reads-- > 0;
    const status = stale ? this.#stale.status : this.status;
    if (status === undefined) fail(awsError('ValidationError', 'Stack with id app does not exist'));
    return {
      Stacks: [
        {
          StackName: 'app',
          StackId: STACK_ID,
          StackStatus: status,
          CreationTime: new Date(0),
          LastUpdatedTime: stale ? new Date(0) : this.#updated,
          Outputs: [{ OutputKey: 'VpcId', OutputValue: stale ? 'vpc-old' : 'vpc-1' }],
          ...this.#options.stack,
          EnableTerminationProtection: this.#protected,
          ...(this.#executed ? { ChangeSetId: this.#executed } : {}),
        },
      ],
    };
  }

  #handlers(): Handlers {
    const { changes = ADDED } = this.#options;
    const changeSet = (): ChangeSet => this.#changeSet ?? fail(notFound());
    return {
      DescribeStacks: ({ StackName: name }) => {
        this.#advance();
        if (this.status === 'DELETE_COMPLETE' && name === 'app')
          fail(awsError('ValidationError', 'Stack with id app does not exist'));
        return this.#describe();
      },
      CreateChangeSet: (input) => {
        const name = String(input['ChangeSetName']);
        const id = `arn:aws:cloudformation:eu-west-1:111111111111:changeSet/${name}/1`;
        this.#changeSet = {
          name,
          id,
          description: String(input['Description']),
          execution: 'AVAILABLE',
          kind: String(input['ChangeSetType']),
        };
        if (input['ChangeSetType'] === 'CREATE' && this.status !== 'REVIEW_IN_PROGRESS') {
          this.status = 'REVIEW_IN_PROGRESS';
          this.#record({ at: 0, status: 'REVIEW_IN_PROGRESS', token: null }, undefined);
        }
        return { Id: id, StackId: STACK_ID };
      },
      DescribeChangeSet: () => {
        const { name, id, description, execution } = changeSet();
        const failed = {
          Status: 'FAILED',
          StatusReason:
            "The submitted information didn't contain changes. Submit different information to create a change set.",
        };
        return {
          ChangeSetName: name,
          ChangeSetId: id,
          StackId: STACK_ID,
          StackName: 'app',
          Description: description,
          Status: 'CREATE_COMPLETE',
          ExecutionStatus: execution,
          Changes: changes ?? [],
          ...(changes === null ? failed : {}),
        };
      },
      DeleteChangeSet: () => {
        this.#changeSet = undefined;
        return {};
      },
      ListChangeSets: () => ({ Summaries: this.#changeSet ? [{ Status: 'CREATE_COMPLETE' }] : [] }),
      GetTemplate: () => ({ TemplateBody: TEMPLATE }),
      ExecuteChangeSet: (input) => this.execute(input),
      DeleteStack: (input) => {
        if (this.status === 'REVIEW_IN_PROGRESS') {
          this.status = 'DELETE_COMPLETE';
          this.#changeSet = undefined;
          return {};
        }
        return this.#request('DeleteStack', input);
      },
      ContinueUpdateRollback: (input) => this.#request('ContinueUpdateRollback', input),
      RollbackStack: (input) => this.#request('RollbackStack', input),
      CancelUpdateStack: () => {
        this.#advance();
        if (this.status !== 'UPDATE_IN_PROGRESS')
          fail(awsError('ValidationError', `CancelUpdateStack cannot be called from current stack status`));
        return {};
      },
      DescribeStackEvents: ({ StackName: id }) => ({ StackEvents: this.eventsOf(String(id)) }),
      ListStackResources: () => ({ StackResourceSummaries: this.#options.resources ?? [] }),
      DescribeEvents: () => fail(awsError('InternalFailure', 'not here', 500)),
      UpdateTerminationProtection: ({ EnableTerminationProtection: on }) => {
        this.#protected = on === true;
        return {};
      },
      GetStackPolicy: () => (this.policy === undefined ? {} : { StackPolicyBody: this.policy }),
      SetStackPolicy: ({ StackPolicyBody: body }) => {
        this.policy = String(body);
        return {};
      },
    };
  }
}

/** deploy-stack's inputs; the template is the fixture `app.yml`. */
export function inputsOf(values: Partial<DeployStackInputs> = {}): DeployStackInputs {
  return {
    command: 'deploy',
    stackName: 'app',
    template: 'app.yml',
    parameters: {},
    parameterFiles: [],
    tags: {},
    capabilities: [],
    allowReplace: [],
    allowDelete: [],
    allowTrafficReset: [],
    importExisting: false,
    onFailure: 'rollback',
    failFast: true,
    mode: 'standard',
    notificationArns: [],
    revertDrift: false,
    continueRollback: false,
    timeoutMs: 600_000,
    ...values,
  };
}

const WORKSPACE = new URL('fixtures', import.meta.url).pathname;

/** Runs a command in a world. Without a template if the text is empty. */
export async function runCommand(
  world: StackWorld,
  values: Partial<DeployStackInputs> = {},
): Promise<StackResult> {
  const inputs = inputsOf(values);
  if (inputs.template === '') delete inputs.template;
  const identity = { id: '1001', attempt: 1, workspace: WORKSPACE };
  return await deployStack(world.aws.context, inputs, identity);
}

/** Runs a command in a world, and presents its result. */
export async function run(world: StackWorld, values: Partial<DeployStackInputs> = {}): Promise<Outcome> {
  const outcome = presentStack(await runCommand(world, values));
  for (const annotation of outcome.annotations ?? []) world.aws.context.annotations.add(annotation);
  return outcome;
}

/** Successful events. */
export const CREATED: Step[] = [
  { at: 0, status: 'CREATE_IN_PROGRESS', reason: 'User Initiated' },
  { at: 1, id: 'Vpc', status: 'CREATE_IN_PROGRESS' },
  { at: 8, id: 'Vpc', status: 'CREATE_COMPLETE' },
  { at: 9, status: 'CREATE_COMPLETE' },
];
export const UPDATED: Step[] = [
  { at: 0, status: 'UPDATE_IN_PROGRESS', reason: 'User Initiated' },
  { at: 1, id: 'Vpc', status: 'UPDATE_IN_PROGRESS' },
  { at: 4, id: 'Vpc', status: 'UPDATE_COMPLETE' },
  { at: 5, status: 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS' },
  { at: 6, status: 'UPDATE_COMPLETE' },
];
export const DELETED: Step[] = [
  { at: 0, status: 'DELETE_IN_PROGRESS', reason: 'User Initiated' },
  { at: 1, id: 'Vpc', status: 'DELETE_IN_PROGRESS' },
  { at: 3, id: 'Vpc', status: 'DELETE_COMPLETE' },
  { at: 4, status: 'DELETE_COMPLETE' },
];
