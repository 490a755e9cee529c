import { join } from 'node:path';
import { updateComment } from '../../actions/preview-environment/comment.ts';
import { cloudFormationClient, ecrClient, elbClient, ssmClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import type { PreviewContext, PreviewRequest } from '../../src/environment/preview/context.ts';
import { previewEnvironment } from '../../src/environment/preview/preview.ts';
import type { PreviewResult } from '../../src/environment/preview/result.ts';
import { followServiceIn, runningRevisionIn } from '../../src/environment/run/follow-service.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { contextOf } from '../unit/images/registry/context.ts';
import { configOf, DEV } from './aws-clients.ts';
import { fastClock } from './fast-clock.ts';
import type { PreviewHost } from './preview.ts';

/**
 * Runs preview-environment in the test's process, on a clock that is 400 times faster.
 *
 * @param action of the pull request's event.
 */
export function runPreview(
  host: PreviewHost,
  given: Partial<PreviewRequest>,
  action = '',
): Promise<PreviewResult> {
  const { sandbox, workspace } = host;
  const context = { ...contextOf(), clock: fastClock(400) };
  const session = {
    ...createSession({ region: 'eu-west-1', context }),
    credentials: configOf(sandbox).credentials,
    accountId: () => Promise.resolve(DEV),
  };
  const { pullRequest = 0 } = given;
  const request: PreviewRequest = {
    command: 'deploy',
    project: 'platform',
    projectFrom: 'platform.yml:3',
    environment: 'dev',
    services: [],
    workers: [],
    repositories: [],
    template: 'templates/preview.yml',
    parameterFiles: [join('templates', 'environments', 'preview.json')],
    parameters: {},
    priorities: { base: 1000, range: 2000 },
    timeToLiveMs: 1_000_000_000,
    dryRun: false,
    timeoutMs: 60_000_000,
    comment: false,
    workspace,
    ...given,
  };
  const preview: PreviewContext = {
    ...context,
    session,
    github: {
      ...readGitHubContext(sandbox.env(DEV)),
      runId: '1',
      ...(pullRequest > 0 && {
        pullRequest: { number: pullRequest, fork: false, headSha: host.headOf(pullRequest), action },
      }),
    },
    token: sandbox.tokens.installation,
    followService: followServiceIn(session, context, {}),
    runningRevision: runningRevisionIn(session, context, {}),
    cloudformation: () => cloudFormationClient(session, context),
    ecr: () => ecrClient(session, context),
    elb: () => elbClient(session, context),
    ssm: () => ssmClient(session, context),
    updateComment: (comment) => updateComment(preview, request, comment),
  };
  return previewEnvironment(preview, request);
}
