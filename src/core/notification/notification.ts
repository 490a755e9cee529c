import type { Context } from '../context.ts';
import { reasonOf } from '../errors.ts';
import type { Outcome, Verdicts } from '../outcome.ts';
import { withoutAccount } from '../text.ts';
import { runLink, slackNotice } from './message.ts';
import { postText, webhookUrl } from './webhook.ts';

/** Whether an outcome is posted: announcements, and failures except verdicts that are `quiet`. */
export function isNews({ ok, verdict, announcement }: Outcome, verdicts: Verdicts): boolean {
  if (announcement) return true;
  return !ok && verdicts[verdict]?.quiet !== true;
}

/**
 * Posts the outcome to the webhook of the input `notify`, if it is newsworthy. It never throws: a message that could
 * not be posted is a warning, and the verdict does not change.
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
      `notify: cannot post to the webhook: ${reasonOf(error)}. The verdict does not change.`,
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

/** In a re-run, the user who started it: `GITHUB_ACTOR` is still the actor of the first attempt. */
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
