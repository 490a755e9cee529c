import type { Context } from '../context.ts';
import { reasonOf } from '../errors.ts';
import type { Outcome, Verdicts } from '../outcome.ts';
import { withoutAccount } from '../text.ts';
import { runLink, slackNotice } from './message.ts';
import { postText, webhookUrl } from './webhook.ts';

/** Whether an outcome is news: what is announced, and every red verdict but those where a rule did its work. */
export function isNews({ ok, verdict, announcement }: Outcome, verdicts: Verdicts): boolean {
  if (announcement) return true;
  return !ok && verdicts[verdict]?.quiet !== true;
}

/**
 * Tells the webhook of the input `notify` what came of the run, where that is news. It never throws: a message that
 * nobody took is a warning, and the verdict stands.
 */
export async function notify(
  action: { name: string; verdicts: Verdicts },
  outcome: Outcome,
  context: Pick<Context, 'log' | 'redactor' | 'clock' | 'signal'>,
  { webhook, env }: { webhook: string; env: NodeJS.ProcessEnv },
): Promise<void> {
  if (webhook === '' || !isNews(outcome, action.verdicts)) return;
  try {
    await postText(webhookUrl(webhook), noticeOf(action.name, outcome, context, env), context);
    context.log.info('Posted the verdict to the webhook of notify.');
  } catch (error) {
    context.log.warning(
      `notify: nothing was posted to the webhook: ${reasonOf(error)}. The verdict is not changed.`,
    );
  }
}

function noticeOf(
  name: string,
  {
    ok,
    verdict,
    reason,
    subject = '',
    links = [],
    approvedBy = [],
    announcement,
    error,
    fix: shown = '',
  }: Outcome,
  { redactor }: Pick<Context, 'redactor'>,
  env: NodeJS.ProcessEnv,
): string {
  const text = (given: string): string => withoutAccount(redactor.redact(given));
  const fix = error?.fix ?? shown;
  const said = announcement?.text ?? reason;
  return slackNotice({
    icon: announcement?.icon ?? (ok ? '✅' : '❌'),
    title: announcement?.title ?? `${name}: ${verdict}`,
    subject: text(announcement?.subject ?? subject),
    text: text(said),
    fix: said.includes(fix) ? '' : text(fix),
    facts: [...whoOf(env, approvedBy), ...whereOf(env)].map(text),
    links: [...runLink(env), ...links.map((link) => ({ text: link.text, url: text(link.url) }))],
  });
}

/** Of a re-run, the one who asked for it: `GITHUB_ACTOR` stays the one of the first attempt. */
function whoOf(env: NodeJS.ProcessEnv, approvedBy: readonly string[]): string[] {
  const actor = env['GITHUB_TRIGGERING_ACTOR'] || env['GITHUB_ACTOR'];
  return [
    ...(actor ? [`by ${actor}`] : []),
    ...(approvedBy.length > 0 ? [`approved by ${approvedBy.join(', ')}`] : []),
  ];
}

function whereOf(env: NodeJS.ProcessEnv): string[] {
  return [
    env['GITHUB_REPOSITORY'] ?? '',
    env['GITHUB_REF_NAME'] ?? '',
    (env['GITHUB_SHA'] ?? '').slice(0, 7),
  ];
}
