import { STACK_VERDICTS } from '../cloudformation/commands/result.ts';
import { code, escapeCell, table } from '../core/markdown/markdown.ts';
import type { Section } from '../core/markdown/sections.ts';
import type { Outcome } from '../core/outcome.ts';
import { shortDigest, withoutAccount } from '../core/text.ts';
import { PRICES_AS_OF, type PreviewPrice } from '../environment/preview/price.ts';
import {
  PREVIEW_VERDICTS,
  type DeployedPreview,
  type PreviewComment,
  type PreviewedService,
  type PreviewResult,
  type RemovalComment,
  type RemovedPreview,
  type SweptItem,
  type SweptPreviews,
} from '../environment/preview/result.ts';
import { presentStack } from './stack.ts';

/**
 * The result of preview-environment as outputs, result JSON, summary and annotations.
 *
 * @param runUrl the page of the workflow run.
 */
export function presentPreview(result: PreviewResult, runUrl: string): Outcome<PreviewFields> {
  const { verdict, reason } = result;
  const pullRequest = 'pullRequest' in result ? result.pullRequest : undefined;
  const shown = show(result, runUrl);
  return {
    verdict,
    ok: PREVIEW_VERDICTS[verdict].ok,
    reason,
    ...(pullRequest !== undefined && { subject: `preview of pull request ${pullRequest}` }),
    ...shown,
    outputs: { ...(pullRequest !== undefined && { 'pull-request': String(pullRequest) }), ...shown.outputs },
    result: { ...(pullRequest !== undefined && { pullRequest }), ...shown.result },
    ...('error' in result && { error: result.error }),
  };
}

type PreviewFields = { pullRequest?: number } & ReturnType<typeof show>['result'];

function show(result: PreviewResult, runUrl: string) {
  switch (result.kind) {
    case 'none':
      return { outputs: {}, result: {} };
    case 'deployed':
      return showDeployed(result, runUrl);
    case 'superseded':
      return showDeployed(result.deployed, runUrl);
    case 'removed':
      return showRemoved(result, runUrl);
    case 'swept':
      return showSwept(result);
  }
}

/** The sections of the pull request's comment. */
export function previewComment(comment: PreviewComment, runUrl: string): Section[] {
  return comment.kind === 'deployed' ? previewSections(comment, runUrl) : removalSections(comment, runUrl);
}

function showDeployed(preview: DeployedPreview, runUrl: string) {
  const { commit, expires, url, price, services, deployment } = preview;
  const stacks = services.flatMap(({ stack, run }) => (run ? [stack] : []));
  const failed = services
    .flatMap(({ run }) => (run && !STACK_VERDICTS[run.result.verdict].ok ? [run.result] : []))
    .map(presentStack);
  return {
    ...(url !== undefined && { links: [{ text: 'Preview', url }] }),
    outputs: {
      url: url ?? '',
      stacks: JSON.stringify(stacks),
      expires: expires.toISOString(),
      price: price ? price.dollars.toFixed(2) : '',
      deployment: String(deployment),
    },
    result: {
      commit,
      url,
      expires: expires.toISOString(),
      price,
      services: services.map(serviceResult),
      deployment,
    },
    summary: [...previewSections(preview, runUrl), ...failed.flatMap(({ summary = [] }) => summary)],
    annotations: failed.flatMap(({ annotations = [] }) => annotations),
  };
}

function serviceResult({ name, stack, commit, digest, run }: PreviewedService) {
  if (!run) return { name, stack, ok: true, commit, digest };
  const { priority, result } = run;
  const { verdict, reason } = result;
  const { ok } = STACK_VERDICTS[verdict];
  return { name, stack, verdict, ok, reason: withoutAccount(reason), commit, digest, priority };
}

/** The state of a preview after a deployment. */
function previewSections(preview: DeployedPreview, runUrl: string): Section[] {
  const { pullRequest, verdict, reason, services } = preview;
  const { ok } = PREVIEW_VERDICTS[verdict];
  const title = `${ok ? '🔎' : '❌'} Preview of pull request ${pullRequest}: ${verdict}`;
  const rows = services.map((service) => [
    code(service.name),
    stateOf(service),
    code(shortCommit(service.commit)),
    code(shortDigest(service.digest)),
  ]);
  const failed = services.flatMap(({ name, run }) =>
    run && !STACK_VERDICTS[run.result.verdict].ok ? [{ name, why: withoutAccount(run.result.reason) }] : [],
  );
  return [
    { title, body: [factsOf(preview), escapeCell(reason)].filter(Boolean).join('\n\n'), priority: 100 },
    ...(rows.length > 0
      ? [{ body: table(['Service', 'Status', 'Commit', 'Image'], rows), priority: 90 }]
      : []),
    ...failed.map(({ name, why }) => ({ title: name, body: escapeCell(why), priority: 95 })),
    { body: `[The run](${runUrl})`, priority: 10 },
  ];
}

function stateOf({ run }: PreviewedService): string {
  if (!run) return 'unchanged';
  const { verdict } = run.result;
  return `${STACK_VERDICTS[verdict].ok ? '✅' : '❌'} ${verdict}`;
}

function showRemoved({ pullRequest, verdict, reason, removal }: RemovedPreview, runUrl: string) {
  const { stacks, tags, deployments, failures, undeleted } = removal;
  const { ok } = PREVIEW_VERDICTS[verdict];
  return {
    outputs: { stacks: JSON.stringify(stacks) },
    result: { stacks, tags, deployments, failures },
    summary: removalSections({ kind: 'removal', pullRequest, ok, reason }, runUrl),
    annotations: undeleted.flatMap((result) => presentStack(result).annotations ?? []),
  };
}

/** A removed preview. */
function removalSections({ pullRequest, ok, reason }: RemovalComment, runUrl: string): Section[] {
  const title = `${ok ? '🧹' : '❌'} Preview of pull request ${pullRequest}`;
  return [
    { title, body: escapeCell(reason), priority: 100 },
    { body: `[The run](${runUrl})`, priority: 10 },
  ];
}

/** What a sweep removed, kept and failed to remove. */
function showSwept({ verdict, reason, dryRun, items, undeleted }: SweptPreviews) {
  const inState = (state: SweptItem['state']): SweptItem[] => items.filter((item) => item.state === state);
  const removed = inState('removed');
  const stacks = removed.map(({ what }) => what).filter((what) => !what.includes(':'));
  const rows = items.map(({ what, pullRequest, state, why }) => [
    code(what),
    String(pullRequest),
    escapeCell(state),
    escapeCell(why),
  ]);
  const title = `${verdict === 'failed' ? '❌' : '🧹'} Sweep of previews`;
  return {
    outputs: { stacks: JSON.stringify(stacks) },
    result: {
      dryRun,
      removed,
      failed: inState('failed'),
      kept: inState('kept'),
      left: inState('left'),
      planned: inState('would be removed'),
    },
    summary: [
      { title, body: escapeCell(reason), priority: 100 },
      ...(rows.length > 0
        ? [{ body: table(['Resource', 'Pull request', 'Status', 'Reason'], rows), priority: 90 }]
        : []),
    ],
    annotations: undeleted.flatMap((result) => presentStack(result).annotations ?? []),
  };
}

function factsOf({ url, commit, expires, price }: DeployedPreview): string {
  const facts = [
    ...(url === undefined ? [] : [['URL', url]]),
    ['Commit', code(shortCommit(commit))],
    ...(price === undefined ? [] : [['Price', priceText(price)]]),
    ['Expires', expiryText(expires)],
  ];
  return table(['Property', 'Value'], facts);
}

function priceText({ dollars, hours }: PreviewPrice): string {
  const period = `${Math.round(hours * 10) / 10} h`;
  return `at most $${dollars.toFixed(2)} for ${period} (Fargate on-demand list price of ${PRICES_AS_OF}; Spot costs less)`;
}

function expiryText(expires: Date): string {
  return `${expires.toISOString().slice(0, 16).replace('T', ' ')} UTC, or when the pull request is closed`;
}

function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}
