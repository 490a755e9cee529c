import { bytes, characters, cutMarkdown } from './cut.ts';
import type { Measure } from './cut.ts';
import type { Redactor } from '../redaction.ts';

/** A part of a report. */
export interface Section {
  title?: string;
  /** Markdown. */
  body: string;
  /** Sections with a higher priority are shortened last. */
  priority: number;
}

/** A section that would be cut below this size is dropped instead. */
const LEAST_KEPT = 200;
const NAMED_IN_NOTICE = 5;
/** Reserved for the notice: twice five names of 60 characters of three bytes each, and the text around them. */
const NOTICE_ROOM = 2048;

interface Part {
  section: Section;
  text: string;
  state: 'whole' | 'truncated' | 'omitted';
}

/** The sections with all known secrets redacted. */
export function redactSections(sections: readonly Section[], redactor: Redactor): Section[] {
  return sections.map(({ title, body, priority }) => ({
    ...(title !== undefined && { title: redactor.redact(title) }),
    body: redactor.redact(body),
    priority,
  }));
}

/**
 * Joins sections in their order, within a limit. If they are too long, the least important ones are cut between lines,
 * with fences, tables and details intact, or dropped; of equal priorities the last goes first. The text then ends with
 * a notice that lists what is missing.
 *
 * @param limit in bytes of UTF-8 (a job summary: 1 MiB), or in characters (a comment: 65,536).
 */
export function fitSections(
  sections: readonly Section[],
  limit: number,
  unit: 'bytes' | 'characters' = 'bytes',
): string {
  const measure = unit === 'bytes' ? bytes : characters;
  const parts = sections.map((section): Part => ({ section, text: render(section), state: 'whole' }));
  const whole = join(parts);
  if (measure(whole) <= limit) return whole;
  shorten(parts, limit - NOTICE_ROOM, measure);
  const fitted = [join(parts), notice(parts)].filter((text) => text !== '').join('\n\n');
  // A limit smaller than the notice itself: an empty text is better than a truncated notice.
  return measure(fitted) <= limit ? fitted : '';
}

/** Cuts or drops the least important parts until the rest measures at most `room`. */
function shorten(parts: readonly Part[], room: number, measure: Measure): void {
  const leastImportantFirst = [...parts].reverse().sort((a, b) => a.section.priority - b.section.priority);
  let size = measure(join(parts));
  for (const part of leastImportantFirst) {
    if (size <= room) return;
    const own = measure(part.text);
    const target = own - (size - room);
    part.text = target >= LEAST_KEPT ? cutMarkdown(part.text, target, measure) : '';
    part.state = part.text === '' ? 'omitted' : 'truncated';
    size = measure(join(parts));
  }
}

function render({ title, body }: Section): string {
  return [title === undefined ? '' : `### ${title.replace(/\s+/g, ' ')}`, body.trim()]
    .filter((text) => text !== '')
    .join('\n\n');
}

function join(parts: readonly Part[]): string {
  return parts
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join('\n\n');
}

function notice(parts: readonly Part[]): string {
  const said = (['truncated', 'omitted'] as const)
    .map((state) => [state, parts.filter((part) => part.state === state)] as const)
    .filter(([, found]) => found.length > 0)
    .map(([state, found]) => `${names(found)} ${state}`);
  return `> Shortened to fit GitHub's limit: ${said.join('; ')}. See the log for the full text.`;
}

function names(parts: readonly Part[]): string {
  const named = parts.slice(0, NAMED_IN_NOTICE).map(({ section }) => nameOf(section));
  const more = parts.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** A title without characters that could be markup if it is cut. */
function nameOf({ title }: Section): string {
  return (title ?? 'a part').replace(/[^\p{L}\p{N} .,:/-]/gu, '').slice(0, 60);
}
