/** A page that a message leads to. */
export interface Link {
  text: string;
  url: string;
}

interface Message {
  ok: boolean;
  /** `update-service: deployed` */
  title: string;
  /** What it is about, and where, such as `user-service in dev-shop (eu-west-1)`. */
  subject?: string;
  reason: string;
  links: readonly Link[];
}

/** Slack takes 3000 characters in a section; an escaped character has up to five. */
const SHOWN_REASON = 400;
const SHOWN_SUBJECT = 100;

/**
 * One line of Slack's mrkdwn for a channel: the verdict, what it is about, why, and links. Text from outside cannot
 * mention anybody.
 *
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export function slackMessage({ ok, title, subject = '', reason, links }: Message): string {
  const about = subject === '' ? '' : ` ${escaped(shortened(subject, SHOWN_SUBJECT))}`;
  const parts = [
    `${ok ? '✅' : '❌'} *${escaped(title)}*${about}`,
    escaped(shortened(reason, SHOWN_REASON)),
    ...links.map(({ text, url }) => `<${escaped(url)}|${escaped(text)}>`),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** Slack asks for these three only, and not for other entities. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function shortened(text: string, limit: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit).replace(/\s+\S*$/, '')} …`;
}
