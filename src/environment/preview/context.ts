import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Session } from '../../aws/session.ts';
import type { StackCommandContext } from '../../cloudformation/command-run.ts';
import type { FollowService } from '../../cloudformation/execution/services.ts';
import type { Context } from '../../core/context.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { PreviewComment } from './result.ts';

/** The context of the commands. Each client is created on first use. */
export interface PreviewContext extends Context {
  session: Session;
  github: GitHubContext;
  /** GitHub token; empty if there is none. */
  token: string;
  followService: FollowService;
  runningRevision: NonNullable<StackCommandContext['runningRevision']>;
  cloudformation(): Promise<CloudFormationClient>;
  ecr(): Promise<ECRClient>;
  elb(): Promise<ElasticLoadBalancingV2Client>;
  ssm(): Promise<SSMClient>;
  /** Updates the pull request's comment on its preview in this environment. A failure does not change the verdict. */
  updateComment(comment: PreviewComment): Promise<void>;
}

/** The request of preview-environment. Durations are in milliseconds. */
export interface PreviewRequest {
  command: 'deploy' | 'remove' | 'sweep';
  /** Undefined only for a sweep. */
  pullRequest?: number;
  project: string;
  /** The source of the project's name, for messages: an input, or a line of platform.yml. */
  projectFrom: string;
  /** The environment that hosts previews. */
  environment: string;
  /** At least one for a deployment, unless only workers are selected. */
  services: readonly PreviewService[];
  /** Selected services without a load balancer, which get no preview. */
  workers: readonly string[];
  /** Repositories whose names do not start with the project. */
  repositories: readonly string[];
  template: string;
  parameterFiles: readonly string[];
  parameters: Readonly<Record<string, string>>;
  roleArn?: string;
  priorities: { base: number; range: number };
  timeToLiveMs: number;
  dryRun: boolean;
  timeoutMs: number;
  comment: boolean;
  workspace: string;
}

/** One service of a preview. */
export interface PreviewService {
  name: string;
  /** `sha256:…` in the service's repository in the account, or `repository@sha256:…`. */
  image: string;
  /** Name of its repository. */
  repository: string;
  /** Parameters from the manifest. Those that the preview template does not declare are ignored. */
  parameters: Readonly<Record<string, string>>;
}
