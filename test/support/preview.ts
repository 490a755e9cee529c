import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudFormationClient,
  DescribeStacksCommand,
  paginateDescribeStacks,
  UpdateStackCommand,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { ListImagesCommand } from '@aws-sdk/client-ecr';
import { loadBalancingOf, type Rule } from '../../sandbox/elb/load-balancing.ts';
import { gitHubState } from '../../sandbox/github/state.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { node24 } from '../runtime/node24.js';
import { DEV, deployStack } from './action.ts';
import { clientOf } from './aws-clients.ts';
import { ecrOf } from './image.ts';
import { RegistrySession } from './registry.ts';
import { arnOf, sessionOf } from './roles.ts';

/** A manifest with one service whose image is prebuilt: no Docker is needed. */
export const PREVIEWED_MANIFEST = `
project: platform
region: eu-west-1
environments:
  dev: { account: '111111111111', role: 'arn:aws:iam::111111111111:role/platform-dev-deploy' }
stacks: {}
services:
  user-service:
    path: services/user-service
    paths: [/api/users]
    priority: 110
    build: { oci-layout: image }
`;

const ROOT = join(import.meta.dirname, '../..');
const REPOSITORY = 'platform/user-service';
const HEAD = 'b'.repeat(40);

const CERTIFICATE = `arn:aws:acm:eu-west-1:${DEV}:certificate/1`;

/** The parts of the hosting environment that previews need: a cluster, a shared listener, and names. */
const HOST = `
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev-platform } }
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Type: application, Subnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 443
      Protocol: HTTPS
      Certificates: [{ CertificateArn: '${CERTIFICATE}' }]
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
  ListenerName:
    Type: AWS::SSM::Parameter
    Properties: { Name: /platform/dev/cluster/listener, Type: String, Value: !Ref Listener }
Outputs:
  Listener: { Value: !Ref Listener }
`;

const NAMES: Record<string, string> = {
  'vpc/id': 'vpc-0aaaaaaaaaaaaaaaa',
  'vpc/private-subnets': 'subnet-0aaaaaaaaaaaaaaa1,subnet-0aaaaaaaaaaaaaaa2',
  'security/service-group': 'sg-0aaaaaaaaaaaaaaaa',
  'security/service-token': 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:ServiceToken-abcdef',
  'security/data-key': 'arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000001',
  'security/operations-key': 'arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000002',
  'database/endpoint': 'dev.cluster.example.com',
  'database/secret': 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:rds!cluster-abcdef',
  'database/resource-id': 'cluster-ABCDEF',
  'cluster/name': 'dev-platform',
  'cluster/domain': 'dev.example.com',
};

/** An environment that hosts previews, in its own sandbox, with one or more pull requests. */
export class PreviewHost {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  readonly listener: string;
  /** Of an image in the repository of user-service. */
  readonly digest: string;
  readonly #registry: RegistrySession;

  private constructor(
    fields: Pick<PreviewHost, 'sandbox' | 'workspace' | 'listener' | 'digest'>,
    registry: RegistrySession,
  ) {
    this.sandbox = fields.sandbox;
    this.workspace = fields.workspace;
    this.listener = fields.listener;
    this.digest = fields.digest;
    this.#registry = registry;
  }

  /** @param workspaceOf creates a workspace with files. */
  static async start(
    workspaceOf: (files: Record<string, string>) => string,
    options: SandboxOptions = {},
  ): Promise<PreviewHost> {
    const scenario = typeof options.scenario === 'object' ? options.scenario : {};
    const parameters = Object.entries(NAMES).map(([name, value]) => ({
      name: `/platform/dev/${name}`,
      value,
      type: name === 'vpc/private-subnets' ? 'StringList' : 'String',
    }));
    const sandbox = await startSandbox({
      timeScale: 1000,
      ...options,
      scenario: {
        ...scenario,
        stacks: bootstrapped({ environments: { dev: DEV }, previews: ['dev'] }),
        parameters: [...parameters, ...(scenario.parameters ?? [])],
        certificates: [{ arn: CERTIFICATE, names: ['*.dev.example.com'] }],
      },
    });
    const files = ['templates/preview.yml', 'templates/environments/preview.json'];
    const workspace = workspaceOf({
      'host.yml': HOST,
      ...Object.fromEntries(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')])),
    });
    const host = await deployStack(
      sandbox,
      { 'stack-name': 'dev-host', template: 'host.yml', 'role-arn': '' },
      { workspace, env: sandbox.env(DEV) },
    );
    if (host.exitCode !== 0) throw new Error(host.log);
    const registry = await RegistrySession.open(sandbox, { repositoryName: REPOSITORY }, DEV);
    const digest = await registry.image('main');
    return new PreviewHost(
      { sandbox, workspace, listener: host.outputs['Listener'] ?? '', digest },
      registry,
    );
  }

  /**
   * Runs the committed bundle of preview-environment for a pull request, with the roles that the workflows use for the
   * command.
   */
  run(
    pullRequest: number,
    inputs: Record<string, string> = {},
    options: PreviewRunOptions = {},
  ): Promise<Run> {
    const {
      action = 'synchronize',
      headSha = pullRequest > 0 ? this.headOf(pullRequest) : '',
      fork = false,
      ...rest
    } = options;
    const head = { sha: headSha, repo: { full_name: fork ? 'someone/fork' : 'org/platform' } };
    const { command = 'deploy' } = inputs;
    const images = inputs['command'] === undefined ? { images: `user-service=${this.digest}` } : {};
    const role = command === 'deploy' ? 'preview' : 'preview-cleanup';
    return runAction('preview-environment', {
      token: this.sandbox.tokens.installation,
      workspace: this.workspace,
      event: { action, pull_request: { number: pullRequest, head } },
      ...rest,
      node: [node24()],
      inputs: { project: 'platform', 'role-arn': roleArn('preview-execution'), ...images, ...inputs },
      env: { ...sessionOf(this.sandbox, roleArn(role)), GITHUB_EVENT_NAME: 'pull_request', ...rest.env },
    });
  }

  /** The workspace with one more file of this repository. */
  workspaceWith(file: string): string {
    copyFileSync(join(ROOT, file), join(this.workspace, file));
    return this.workspace;
  }

  /** Tags the image for a pull request, like its build. */
  async push(pullRequest: number, layer = `layer of ${pullRequest}`): Promise<string> {
    return this.#registry.image(`pr-${pullRequest}-${HEAD.slice(0, 7)}`, layer);
  }

  pull(pullRequest: number) {
    const pull = gitHubState(this.sandbox.world).pull(pullRequest);
    if (!pull) throw new Error(`there is no pull request ${pullRequest}`);
    return pull;
  }

  headOf(pullRequest: number): string {
    return this.pull(pullRequest).sha;
  }

  comments(pullRequest: number): string[] {
    return gitHubState(this.sandbox.world)
      .comments.filter(({ issue }) => issue === pullRequest)
      .map(({ body }) => body);
  }

  /** The last state of each deployment of a pull request. */
  deployments(pullRequest: number): string[] {
    return gitHubState(this.sandbox.world)
      .deployments.filter(({ fields }) => fields['task'] === `deploy:pr-${pullRequest}`)
      .map(({ statuses }) => statuses.at(-1)?.state ?? 'none');
  }

  /** The priorities of all rules of the shared listener. */
  get priorities(): number[] {
    return this.#rules().map(({ priority }) => Number(priority));
  }

  /** The priorities of the rules for a pull request's host name. */
  prioritiesOf(pullRequest: number): number[] {
    return this.#rules()
      .filter(({ conditions }) => JSON.stringify(conditions).includes(`"pr-${pullRequest}.`))
      .map(({ priority }) => Number(priority));
  }

  #rules(): Rule[] {
    const region = this.sandbox.env(DEV)['AWS_REGION'] ?? '';
    return loadBalancingOf(this.sandbox.world, DEV, region).rulesOf(this.listener);
  }

  /** Resolves when the next call of an operation arrives. */
  async next(operation: string): Promise<void> {
    await this.sandbox.calls.arrival({ operation }, this.sandbox.calls.of(operation).length + 1);
  }

  async parameter(stack: string, key: string): Promise<string | undefined> {
    const { Stacks = [] } = await this.cloudFormation().send(new DescribeStacksCommand({ StackName: stack }));
    return Stacks[0]?.Parameters?.find(({ ParameterKey }) => ParameterKey === key)?.ParameterValue;
  }

  /** Changes tags of a stack without CloudFormation, as for a stack of another owner. */
  async retag(stack: string, tags: Record<string, string>): Promise<void> {
    const client = this.cloudFormation();
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const all = new Map(
      (Stacks[0]?.Tags ?? []).map(({ Key = '', Value = '' }): [string, string] => [Key, Value]),
    );
    for (const [key, value] of Object.entries(tags)) all.set(key, value);
    const Parameters = (Stacks[0]?.Parameters ?? []).map(({ ParameterKey }) => ({
      ParameterKey,
      UsePreviousValue: true,
    }));
    await client.send(
      new UpdateStackCommand({
        StackName: stack,
        UsePreviousTemplate: true,
        Parameters,
        Capabilities: ['CAPABILITY_NAMED_IAM'],
        Tags: [...all].map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    await waitUntilStackUpdateComplete(
      { client, maxWaitTime: 300, minDelay: 1, maxDelay: 1 },
      { StackName: stack },
    );
  }

  /** The names of the stacks of previews. */
  async stacks(): Promise<string[]> {
    const names: string[] = [];
    for await (const { Stacks = [] } of paginateDescribeStacks({ client: this.cloudFormation() }, {})) {
      names.push(...Stacks.map(({ StackName = '' }) => StackName));
    }
    return names.filter((name) => name.includes('-pr-'));
  }

  async tags(): Promise<string[]> {
    const { imageIds = [] } = await ecrOf(this.sandbox, DEV).send(
      new ListImagesCommand({ repositoryName: REPOSITORY, maxResults: 1000 }),
    );
    return imageIds.flatMap(({ imageTag }) => imageTag ?? []).sort();
  }

  cloudFormation(): CloudFormationClient {
    return clientOf(this.sandbox, CloudFormationClient);
  }
}

function roleArn(role: string): string {
  return arnOf(DEV, `platform-dev-${role}`);
}

interface PreviewRunOptions extends RunOptions {
  /** The action of the event: `opened`, `synchronize`, `closed` … */
  action?: string;
  headSha?: string;
  fork?: boolean;
}
