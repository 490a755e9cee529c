import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { errorText } from '../../aws/errors.ts';
import type { Session } from '../../aws/session.ts';
import type { FollowService } from '../../cloudformation/execution/services.ts';
import type { Context } from '../../core/context.ts';
import { CancelledError, InputError, TimeoutError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { GitHubContext } from '../../github/context.ts';
import { deployPreview } from './deploy.ts';
import { noPreview, outcomeOf, removedOutcome } from './outcome.ts';
import { pullRequestNow } from './records.ts';
import { removePreview } from './remove.ts';
import { sweepPreviews } from './sweep.ts';

/** What the commands work with. A client is made when it is first asked for. */
export interface PreviewContext extends Context {
  session: Session;
  github: GitHubContext;
  /** GitHub's token; empty when there is none. */
  token: string;
  followService: FollowService;
  cloudformation(): Promise<CloudFormationClient>;
  ecr(): Promise<ECRClient>;
  elb(): Promise<ElasticLoadBalancingV2Client>;
  ssm(): Promise<SSMClient>;
}

/** What preview-environment is asked for. Durations in milliseconds. */
export interface PreviewRequest {
  command: 'deploy' | 'remove' | 'sweep';
  /** Undefined only for a sweep. */
  pullRequest?: number;
  project: string;
  /** The environment that hosts previews. */
  environment: string;
  /** At least one for a deployment. */
  services: readonly PreviewService[];
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

/** How a run of preview-environment can end. */
export const VERDICTS = {
  deployed: { ok: true },
  removed: { ok: true },
  swept: { ok: true },
  unchanged: { ok: true },
  skipped: { ok: true },
  superseded: { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const;

export type Verdict = keyof typeof VERDICTS;

/**
 * Runs one command of preview-environment and tells how it ended.
 * @throws InputError for an input that cannot be used, before anything is changed.
 */
export async function previewEnvironment(context: PreviewContext, request: PreviewRequest): Promise<Outcome> {
  const { command, pullRequest } = request;
  try {
    if (command === 'sweep' || pullRequest === undefined) return await sweepPreviews(context, request);
    const fork = forkOutcome(context, pullRequest);
    if (fork) return fork;
    return command === 'deploy'
      ? await deployPreview(context, request, pullRequest)
      : await removeCommand(context, request, pullRequest);
  } catch (error) {
    const cause: unknown = context.signal.aborted ? context.signal.reason : error;
    if (cause instanceof InputError || cause instanceof CancelledError || cause instanceof TimeoutError) {
      throw cause;
    }
    context.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return outcomeOf(pullRequest, 'failed', errorText(cause));
  }
}

/** From a fork nothing is asked, not even GitHub: the job has no right to anything. */
function forkOutcome(context: PreviewContext, pullRequest: number): Outcome | undefined {
  const { pullRequest: event } = context.github;
  return event?.number === pullRequest && event.fork ? noPreview(context, pullRequest, undefined) : undefined;
}

async function removeCommand(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Outcome> {
  if (context.github.pullRequest?.action === 'closed') {
    const now = await pullRequestNow(context, pullRequest);
    if (now?.open) {
      const reason = `Pull request ${pullRequest} was opened again: its preview stays. Nothing was changed.`;
      return outcomeOf(pullRequest, 'skipped', reason);
    }
  }
  const removal = await removePreview(context, request, pullRequest);
  return removedOutcome(
    context,
    request,
    pullRequest,
    removal,
    `The preview of pull request ${pullRequest} is gone`,
  );
}
