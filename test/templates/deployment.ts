import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import type { Change } from '@aws-sdk/client-cloudformation';
import {
  ContinueServiceDeploymentCommand,
  DescribeServiceDeploymentsCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
} from '@aws-sdk/client-ecs';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Stack } from '../../scripts/templates/reference.ts';
import { readTemplate } from '../../scripts/templates/template.ts';

const POLL_MS = 50;
const LIMIT_MS = 300_000;

/**
 * Deploys stacks with change sets, like deploy-stack, to one account of an AWS-compatible endpoint. Approves the pause
 * of a service before its traffic moves.
 */
export class Deployment {
  readonly #cloudFormation: CloudFormationClient;
  readonly #ecs: ECSClient;
  readonly #ssm: SSMClient;
  #changeSets = 0;

  /** @param env with AWS_ENDPOINT_URL, AWS_REGION and the account's keys. */
  constructor(env: Record<string, string>) {
    const config = {
      endpoint: env.AWS_ENDPOINT_URL ?? '',
      region: env.AWS_REGION ?? '',
      credentials: {
        accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
      },
    };
    this.#cloudFormation = new CloudFormationClient(config);
    this.#ecs = new ECSClient(config);
    this.#ssm = new SSMClient(config);
  }

  /**
   * Creates or updates the stack.
   * @returns its changes; empty if there are none.
   * @throws Error with the first failed event.
   */
  async deploy(stack: Stack): Promise<Change[]> {
    const template = readTemplate(stack.template);
    const before = await this.status(stack.name);
    const names = { StackName: stack.name, ChangeSetName: `plan-${++this.#changeSets}` };
    await this.#cloudFormation.send(
      new CreateChangeSetCommand({
        ...names,
        ChangeSetType: before === undefined ? 'CREATE' : 'UPDATE',
        TemplateBody: template.text,
        Capabilities: ['CAPABILITY_NAMED_IAM'],
        Parameters: Object.entries(stack.parameters)
          .filter(([name]) => name in template.Parameters)
          .map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
        Tags: Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    const changeSet = await this.#until(async () => {
      const described = await this.#cloudFormation.send(new DescribeChangeSetCommand(names));
      return described.Status?.endsWith('_IN_PROGRESS') || described.Status === 'CREATE_PENDING'
        ? undefined
        : described;
    });
    if (changeSet.Status === 'FAILED') {
      // The second is the reason for a template with a transform.
      const unchanged = [
        "The submitted information didn't contain changes.",
        'No updates are to be performed.',
      ];
      if (unchanged.some((reason) => changeSet.StatusReason?.startsWith(reason))) return [];
      throw new Error(`${stack.name}: ${changeSet.StatusReason}`);
    }
    await this.#cloudFormation.send(new ExecuteChangeSetCommand(names));
    const expected = before === undefined ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE';
    await this.#settle(stack, expected);
    return changeSet.Changes ?? [];
  }

  /** @throws Error with the first failed event, if the stack still exists. */
  async delete(stack: Stack): Promise<void> {
    await this.#cloudFormation.send(new DeleteStackCommand({ StackName: stack.name }));
    await this.#settle(stack, undefined);
  }

  /** Undefined if the stack does not exist. */
  async status(name: string): Promise<string | undefined> {
    try {
      const { Stacks = [] } = await this.#cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
      return Stacks[0]?.StackStatus;
    } catch (error) {
      if ((error as Error).message.includes('does not exist')) return undefined;
      throw error;
    }
  }

  async put(name: string, value: string): Promise<void> {
    await this.#ssm.send(
      new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }),
    );
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#ssm.send(new GetParameterCommand({ Name: name }))).Parameter?.Value;
  }

  /** The environment of a service's container in the latest revision of its task definition. */
  async environment(family: string): Promise<Record<string, string>> {
    const { taskDefinition } = await this.#ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: family }),
    );
    const entries = taskDefinition?.containerDefinitions?.[0]?.environment ?? [];
    return Object.fromEntries(entries.map(({ name = '', value = '' }) => [name, value]));
  }

  close(): void {
    this.#cloudFormation.destroy();
    this.#ecs.destroy();
    this.#ssm.destroy();
  }

  async #settle(stack: Stack, expected: string | undefined): Promise<void> {
    const { name } = stack;
    const status = await this.#until(async () => {
      const now = (await this.status(name)) ?? 'GONE';
      if (!now.endsWith('_IN_PROGRESS')) return now;
      if (stack.parameters['PauseBeforeTraffic'] === 'true') await this.#sayYes(stack);
      return undefined;
    });
    if (status === (expected ?? 'GONE')) return;
    throw new Error(`${name} is ${status}: ${await this.#whatFailed(name)}`);
  }

  async #sayYes({ parameters: { Environment, Project, ServiceName } }: Stack): Promise<void> {
    if (ServiceName === undefined) return;
    const { serviceDeployments = [] } = await this.#ecs.send(
      new ListServiceDeploymentsCommand({
        cluster: `${Environment}-${Project}`,
        service: ServiceName,
        status: ['IN_PROGRESS'],
      }),
    );
    const serviceDeploymentArns = serviceDeployments.map(
      ({ serviceDeploymentArn = '' }) => serviceDeploymentArn,
    );
    if (serviceDeploymentArns.length === 0) return;
    const described = await this.#ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns }));
    for (const { serviceDeploymentArn, lifecycleHookDetails = [] } of described.serviceDeployments ?? []) {
      const { hookId } = lifecycleHookDetails.find(({ status }) => status === 'AWAITING_ACTION') ?? {};
      if (hookId === undefined) continue;
      await this.#ecs.send(new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId }));
    }
  }

  async #whatFailed(name: string): Promise<string> {
    const { StackEvents = [] } = await this.#cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: name }),
    );
    const failed = StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'));
    const said = failed.at(-1) ?? StackEvents[0];
    return `${said?.LogicalResourceId}: ${said?.ResourceStatusReason}`;
  }

  async #until<T>(check: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      const result = await check();
      if (result !== undefined) return result;
      if (Date.now() > end) throw new Error(`nothing after ${LIMIT_MS} ms`);
      await delay(POLL_MS);
    }
  }
}
