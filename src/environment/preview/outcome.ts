import type { PullRequest } from '../../github/pulls.ts';
import { previewSections, removedSections, type PreviewedService } from '../../present/preview.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Deployment, ServiceEnding } from './deploy.ts';
import { priceOf } from './price.ts';
import { writeComment } from './records.ts';
import { removedAnything, removedText, removePreview, type Removal } from './remove.ts';
import { type PreviewContext, type PreviewRequest, type Verdict, VERDICTS } from './preview.ts';
import type { PreviewStack } from './stacks.ts';
/** An outcome without a report of its own. */
export function outcomeOf(
  pullRequest: number | undefined,
  verdict: Verdict,
  reason: string,
  rest: Partial<Pick<Outcome, 'outputs' | 'result' | 'summary'>> = {},
): Outcome {
  const { ok } = VERDICTS[verdict];
  const number = pullRequest === undefined ? {} : { 'pull-request': String(pullRequest) };
  return {
    verdict,
    ok,
    reason,
    ...rest,
    outputs: { ...number, ...rest.outputs },
    result: { ...(pullRequest === undefined ? {} : { pullRequest }), ...rest.result },
  };
}

/** Why there is to be no preview; undefined when there is to be one. */
export function noPreview(
  { github }: PreviewContext,
  pullRequest: number,
  now: PullRequest | undefined,
): Outcome | undefined {
  const fromFork = github.pullRequest?.number === pullRequest && github.pullRequest.fork;
  if (fromFork || now?.fork) {
    const reason = `Pull request ${pullRequest} comes from a fork, whose jobs get no OIDC token and no secrets: it has no preview. Nothing was changed.`;
    return outcomeOf(pullRequest, 'skipped', reason);
  }
  if (!now) {
    const reason = `GitHub shows no pull request ${pullRequest} in ${github.repository}. Nothing was changed.`;
    return outcomeOf(pullRequest, 'failed', reason);
  }
  if (now.open) return undefined;
  return outcomeOf(
    pullRequest,
    'skipped',
    `Pull request ${pullRequest} is closed: it has no preview. Nothing was changed.`,
  );
}

/** A run whose commit is no longer the pull request's newest. */
export function supersededOutcome(
  pullRequest: number,
  commit: string,
  head: string,
  when: 'before' | 'meanwhile',
  done?: Outcome,
): Outcome {
  const newer = `Pull request ${pullRequest} has a newer commit than ${commit.slice(0, 7)}, ${head.slice(0, 7)}, whose own run deploys it.`;
  const reason = when === 'before' ? `${newer} Nothing was changed.` : newer;
  const { outputs = {}, result = {}, summary = [] } = done ?? {};
  return outcomeOf(pullRequest, 'superseded', reason, { outputs, result, summary });
}

/** The pull request was closed while its preview was deployed: nobody else may be left to remove it. */
export async function closedMeanwhile(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Outcome> {
  context.log.info(`Pull request ${pullRequest} was closed meanwhile; its preview is removed again.`);
  const removal = await removePreview(context, request, pullRequest);
  const why = `Pull request ${pullRequest} was closed while its preview was deployed`;
  return removedOutcome(context, request, pullRequest, removal, why);
}

/** What a removal came to, told in the comment too. */
export async function removedOutcome(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  removal: Removal,
  why: string,
): Promise<Outcome> {
  const { failures, broken, stacks } = removal;
  const any = removedAnything(removal);
  const done = any ? `removed: ${removedText(removal)}` : 'nothing was left to remove';
  const [verdict, reason] = broken
    ? [broken.verdict, `${broken.reason} ${capital(done)}.`]
    : failures.length > 0
      ? (['failed', `${failures.join(' ')} ${capital(done)}.`] as const)
      : ([any ? 'removed' : 'unchanged', `${why}; ${done}.`] as const);
  const { ok } = VERDICTS[verdict];
  const summary = removedSections({ pullRequest, ok, reason, runUrl: context.github.runUrl });
  if (verdict !== 'unchanged') await writeComment(context, request, pullRequest, summary);
  const { tags, deployments } = removal;
  const result = { stacks, tags, deployments, failures };
  const outputs = { stacks: JSON.stringify(stacks) };
  return outcomeOf(pullRequest, verdict, reason, { outputs, result, summary });
}

interface Deployed extends Deployment {
  /** Of GitHub's record. */
  id: number;
  endings: readonly ServiceEnding[];
  /** The preview as it is now. */
  stacks: readonly PreviewStack[];
}

/** What a deployment came to, told in the comment too. */
export async function deployedOutcome(
  context: PreviewContext,
  request: PreviewRequest,
  deployed: Deployed,
): Promise<Outcome> {
  const { pullRequest, commit, expires, stacks, endings, id } = deployed;
  const verdict = verdictOf(endings);
  const { ok } = VERDICTS[verdict];
  const url = stacks.find(({ outputs }) => outputs['Url'])?.outputs['Url'];
  const price = priceOf(stacks, request.timeToLiveMs);
  const services = [...endings.map((ending) => endedService(ending, commit)), ...untouched(endings, stacks)];
  const reason = reasonOf(endings, pullRequest);
  const report = {
    ...{ pullRequest, verdict, ok, reason, commit, expires, services, runUrl: context.github.runUrl },
    ...(url !== undefined && { url }),
    ...(price && { price }),
  };
  const summary = previewSections(report);
  await writeComment(context, request, pullRequest, summary);
  const failed = endings.filter(({ outcome }) => !outcome.ok);
  return outcomeOf(pullRequest, verdict, reason, {
    outputs: {
      url: url ?? '',
      stacks: JSON.stringify(endings.map(({ stack }) => stack)),
      expires: expires.toISOString(),
      price: price ? price.dollars.toFixed(2) : '',
      deployment: String(id),
    },
    result: { commit, url, expires: expires.toISOString(), price, services, deployment: id },
    summary: [...summary, ...failed.flatMap(({ outcome }) => outcome.summary ?? [])],
  });
}

function verdictOf(endings: readonly ServiceEnding[]): Verdict {
  const verdicts = new Set(endings.map(({ outcome }) => outcome.verdict));
  if (verdicts.has('cancelled')) return 'cancelled';
  if (verdicts.has('timed-out')) return 'timed-out';
  return endings.every(({ outcome }) => outcome.ok) ? 'deployed' : 'failed';
}

function reasonOf(endings: readonly ServiceEnding[], pullRequest: number): string {
  const failed = endings.filter(({ outcome }) => !outcome.ok);
  const names = endings.map(({ service }) => service.name).join(', ');
  if (failed.length === 0) return `Pull request ${pullRequest} is deployed: ${names}.`;
  return failed.map(({ service, outcome }) => `${service.name}: ${outcome.reason}`).join(' ');
}

function endedService(
  { service, stack, priority, image, outcome }: ServiceEnding,
  commit: string,
): PreviewedService {
  const { verdict, ok, reason } = outcome;
  const digest = image.slice(image.indexOf('@') + 1);
  return { name: service.name, stack, verdict, ok, reason, commit, digest, priority };
}

/** Services of the preview that this run was not asked for run an earlier commit. */
function untouched(endings: readonly ServiceEnding[], stacks: readonly PreviewStack[]): PreviewedService[] {
  const touched = new Set(endings.map(({ stack }) => stack));
  return stacks
    .filter(({ stackName }) => !touched.has(stackName))
    .map(({ stackName, service, commit, parameters }) => {
      const image = parameters['Image'] ?? '';
      return {
        name: service,
        stack: stackName,
        ok: true,
        commit,
        digest: image.slice(image.indexOf('@') + 1),
      };
    });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
