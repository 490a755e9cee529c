/** A link in a message. */
export interface Link {
  text: string;
  url: string;
}

interface Message {
  ok: boolean;
  /** `update-service: deployed` */
  title: string;
  /** What the message is about, such as `user-service in dev-shop (eu-west-1)`. */
  subject?: string;
  reason: string;
  links: readonly Link[];
}

/** Slack allows 3000 characters in a section; an escaped character takes up to five. */
const SHOWN_REASON = 400;
const SHOWN_SUBJECT = 100;

/**
 * One line of Slack's mrkdwn: verdict, subject, reason and links. External text is escaped, so that it cannot mention
 * anyone.
 *
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export function slackMessage({ ok, title, subject = '', reason, links }: Message): string {
  const about = subject === '' ? '' : ` ${escaped(shortened(subject, SHOWN_SUBJECT))}`;
  const parts = [
    `${ok ? '✅' : '❌'} *${escaped(title)}*${about}`,
    escaped(shortened(reason, SHOWN_REASON)),
    ...links.map(linkText),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

export interface Notice {
  icon: string;
  title: string;
  subject: string;
  /** What happened, and why. */
  text: string;
  /** How to fix it. */
  fix: string;
  /** Actor and origin: repository, branch, commit. */
  facts: readonly string[];
  links: readonly Link[];
}

/** "the message contents (up to 2000 characters)": Discord, the lowest limit of all services that accept `text`. */
const NOTICE_CHARACTERS = 2000;
const SHOWN_TEXT = 800;
const SHOWN_FIX = 400;
const SHOWN_FACT = 60;

/**
 * A few lines of Slack's mrkdwn: what happened, why, how to fix it, actor and origin.
 *
 * @see https://docs.slack.dev/messaging/formatting-message-text
 * @see https://discord.com/developers/docs/resources/webhook#execute-webhook
 */
export function slackNotice({ icon, title, subject, text, fix, facts, links }: Notice): string {
  const lines = [
    [icon, `*${escaped(title)}*`, fitted(subject, SHOWN_SUBJECT)].filter((part) => part !== '').join(' '),
    fitted(text, SHOWN_TEXT),
    ...(fix === '' ? [] : [`*Fix:* ${fitted(fix, SHOWN_FIX)}`]),
  ];
  const last: string[] = [];
  let room = NOTICE_CHARACTERS - lines.join('\n').length - 1;
  for (const part of [...links.map(linkText), ...facts.map((fact) => fitted(fact, SHOWN_FACT))]) {
    if (part === '' || part.length + 3 > room) continue;
    room -= part.length + 3;
    last.push(part);
  }
  return [...lines, last.join(' · ')].filter((line) => line !== '').join('\n');
}

function linkText({ text, url }: Link): string {
  return `<${escaped(url)}|${escaped(text)}>`;
}

/**
 * Slack requires these three entities and no others. A zero-width space keeps `@all` and `[text](url)` from becoming a
 * mention and a link in services that render Markdown: "Mattermost always converts markdown and automatically links
 * @mentions".
 */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/(?<![\w.])@(?=\w)/g, '@\u200B')
    .replaceAll('](', ']\u200B(');
}

function shortened(text: string, limit: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit).replace(/\s+\S*$/, '')} …`;
}

/** The longest prefix that has at most `limit` characters when it is escaped. */
function fitted(text: string, limit: number): string {
  for (let shown = limit; shown > 0; shown = Math.floor(shown * 0.8)) {
    const line = escaped(shortened(text, shown));
    if (line.length <= limit + 2) return line;
  }
  return '';
}

/** Link to the workflow run. */
export function runLink(env: NodeJS.ProcessEnv): Link[] {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  if (!server || !repository || !run) return [];
  return [{ text: 'Run', url: `${server}/${repository}/actions/runs/${run}` }];
}
