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

/** What the commands work with. A client is made when it is first asked for. */
export interface PreviewContext extends Context {
  session: Session;
  github: GitHubContext;
  /** GitHub's token; empty when there is none. */
  token: string;
  followService: FollowService;
  runningRevision: NonNullable<StackCommandContext['runningRevision']>;
  cloudformation(): Promise<CloudFormationClient>;
  ecr(): Promise<ECRClient>;
  elb(): Promise<ElasticLoadBalancingV2Client>;
  ssm(): Promise<SSMClient>;
  /** Updates the pull request's one comment on previews in this environment. It never changes the verdict. */
  updateComment(comment: PreviewComment): Promise<void>;
}

/** What preview-environment is asked for. Durations in milliseconds. */
export interface PreviewRequest {
  command: 'deploy' | 'remove' | 'sweep';
  /** Undefined only for a sweep. */
  pullRequest?: number;
  project: string;
  /** What gives the project, for messages: an input, or a line of platform.yml. */
  projectFrom: string;
  /** The environment that hosts previews. */
  environment: string;
  /** At least one for a deployment, unless it names only workers. */
  services: readonly PreviewService[];
  /** Named services without a load balancer, which get no preview. */
  workers: readonly string[];
  /** Repositories whose names do not begin with the project. */
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
  /** `sha256:…` in the service's repository of the account, or `repository@sha256:…`. */
  image: string;
  /** Name of its repository. */
  repository: string;
  /** What the manifest says of it, as parameters; those that the template does not declare are of another one. */
  parameters: Readonly<Record<string, string>>;
}
