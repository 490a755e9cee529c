import { characters, cutMarkdown } from '../core/markdown/cut.ts';
import { code } from '../core/markdown/markdown.ts';
import { fitSections, type Section } from '../core/markdown/sections.ts';

/** GitHub rejects a longer comment: "body is too long (maximum is 65536 characters)". */
export const LIMIT_CHARACTERS = 65_536;

/** When a part was written. A part of a later run is always newer; within an attempt, the time decides. */
interface Version {
  run: number;
  attempt: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The part of one environment in a shared comment. */
export interface Part {
  name: string;
  version: Version;
  commit: string;
  /** Markdown, shortened to the part's share. */
  text: string;
}

/** The part that a job writes, with its complete sections. */
export interface PartDraft extends Omit<Part, 'text'> {
  sections: readonly Section[];
}

export interface Layout {
  /** The first line of the comment. */
  marker: string;
  /** The names of the parts in their order. Parts with other names come last. */
  order: readonly string[];
  /** `https://github.com/org/shop/actions/runs` */
  runsUrl: string;
}

/** Whether one version is newer than another. */
export function isNewer(one: Version, other: Version): boolean {
  if (one.run !== other.run) return one.run > other.run;
  if (one.attempt !== other.attempt) return one.attempt > other.attempt;
  return one.at > other.at;
}

const PART = /^<!-- platform:part (\S+) (\d+)\.(\d+)\.(\d+) (\S+) -->$/;

function partMarker({ name, commit, version: { run, attempt, at } }: Omit<Part, 'text'>): string {
  return `<!-- platform:part ${name} ${run}.${attempt}.${at} ${commit === '' ? '-' : commit} -->`;
}

/** The parts of a comment by name. The line after a part's marker is its caption, which is not read: see captionOf. */
export function readParts(body: string): Map<string, Part> {
  const parts = new Map<string, Part>();
  let current: Part | undefined;
  let caption = false;
  for (const line of body.split(/\r?\n/)) {
    const [, name, run, attempt, at, commit] = PART.exec(line) ?? [];
    if (name !== undefined) {
      const version = { run: Number(run), attempt: Number(attempt), at: Number(at) };
      current = { name, version, commit: commit === '-' ? '' : (commit ?? ''), text: '' };
      parts.set(name, current);
      caption = true;
    } else if (caption) {
      caption = false;
    } else if (current) {
      current.text += `${line}\n`;
    }
  }
  for (const part of parts.values()) part.text = part.text.trim();
  return parts;
}

/** The newest part of each name. */
export function joinParts(comments: readonly ReadonlyMap<string, Part>[]): Map<string, Part> {
  const joined = new Map<string, Part>();
  for (const part of comments.flatMap((parts) => [...parts.values()])) {
    const known = joined.get(part.name);
    if (!known || isNewer(part.version, known.version)) joined.set(part.name, part);
  }
  return joined;
}

/**
 * The comment with one part replaced. Together, all parts fit GitHub's limit. If a part is shorter than its share, the
 * others can use the rest.
 */
export function writeBody(draft: PartDraft, others: Iterable<Part>, layout: Layout): string {
  const parts = inOrder([draft, ...[...others].filter(({ name }) => name !== draft.name)], layout.order);
  const heads = parts.map((part) => `${partMarker(part)}\n${captionOf(part, parts, layout)}`);
  // For each part: its head, and two blank lines.
  const overhead = [layout.marker, ...heads].reduce((sum, head) => sum + head.length + 4, 0);
  const room = LIMIT_CHARACTERS - overhead;
  const share = shareOf(
    parts.map((part) => fitPart(part, room).length),
    room,
  );
  const bodies = parts.map((part, index) => `${heads[index] ?? ''}\n\n${fitPart(part, share)}`);
  return `${layout.marker}\n${bodies.join('\n\n')}`;
}

function inOrder<T extends { name: string }>(parts: readonly T[], order: readonly string[]): T[] {
  const place = ({ name }: T): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...parts].sort((one, other) => place(one) - place(other) || (one.name < other.name ? -1 : 1));
}

/** The commit and run of a part, and whether it is outdated. */
function captionOf(
  { name, commit, version }: Omit<Part, 'text'>,
  parts: readonly Omit<Part, 'text'>[],
  { order, runsUrl }: Layout,
): string {
  const newest = parts.reduce((one, other) => (isNewer(other.version, one.version) ? other : one));
  const notes = [
    ...(order.includes(name) ? [] : ['⚠️ No longer in the manifest']),
    ...(commit === newest.commit ? [] : [`⚠️ Outdated: the newest commit is ${shortCommit(newest.commit)}`]),
    `Commit ${shortCommit(commit)}`,
    `[Run](${runsUrl}/${version.run})`,
  ];
  return notes.join(' · ');
}

function shortCommit(commit: string): string {
  return commit === '' ? 'unknown' : code(commit.slice(0, 7));
}

/** The maximum length of each text, so that together they fit. Shorter texts leave their unused share to the others. */
function shareOf(lengths: readonly number[], room: number): number {
  let left = room;
  const shortestFirst = [...lengths].sort((one, other) => one - other);
  for (const [index, length] of shortestFirst.entries()) {
    const share = Math.floor(left / (lengths.length - index));
    if (length > share) return share;
    left -= length;
  }
  return room;
}

const CUT = "> Shortened to fit GitHub's limit for comments. The full text is in the summary of the run.";

function fitPart(part: Part | PartDraft, limit: number): string {
  if ('sections' in part)
    return withoutMarkers(fitSections(part.sections.map(sectionWithoutMarkers), limit, 'characters')) || CUT;
  if (part.text.length <= limit) return part.text;
  return `${cutMarkdown(part.text, limit - CUT.length - 2, characters)}\n\n${CUT}`.trim();
}

/** Inserts a zero-width space into text that looks like a marker, so that it is displayed but does not act as one. */
function withoutMarkers(text: string): string {
  return text.replace(/<!--(?=\s*platform:)/gi, '<!\u200B--');
}

function sectionWithoutMarkers({ title, body, priority }: Section): Section {
  return {
    ...(title !== undefined && { title: withoutMarkers(title) }),
    body: withoutMarkers(body),
    priority,
  };
}
