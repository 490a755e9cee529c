import type { Context } from '../core/context.ts';
import { PlatformError } from '../core/errors.ts';
import { GitHubError, statusOf } from './client.ts';
import {
  isNewer,
  joinParts,
  type Layout,
  type Part,
  type PartDraft,
  readParts,
  writeBody,
} from './comment-parts.ts';

/** The comments that the token's own user wrote on a pull request. */
export interface CommentStore {
  /** Oldest first. */
  list(): Promise<StoredComment[]>;
  /** `created` is false where one with the marker is found after a lost answer. */
  create(body: string): Promise<StoredComment & { created: boolean }>;
  /** With a limit: one attempt, which is given up after so many ms. */
  replace(id: number, body: string, limitMs?: number): Promise<void>;
  /** Does nothing where it is gone already. */
  remove(id: number): Promise<void>;
}

export interface StoredComment {
  id: number;
  body: string;
  url: string;
}

/** From the reading of a comment to the answer to its replacement. */
const WRITE_LIMIT_MS = 5000;
/** "If GitHub takes more than 10 seconds to process an API request, GitHub will terminate the request". */
const GITHUB_LIMIT_MS = 10_000;
/** How old the answer to a reading may be. GitHub names no bound. */
const LAG_MS = 1000;
/** After this no write can arrive that began before ours was there: its reading and our last one may both be old. */
const SETTLED_MS = WRITE_LIMIT_MS + GITHUB_LIMIT_MS + 2 * LAG_MS;
const BETWEEN_READS_MS = 2500;
const JITTER_MS = 2000;
/** The others write now and then; this many ms of being overwritten are no race any more. */
const GIVEN_UP_MS = 120_000;
const MOST_FAILURES = 4;

/**
 * Writes one part of a comment that several jobs write at the same time.
 *
 * GitHub has no conditional write: a PATCH with If-Match is refused ("Conditional request headers are not allowed in
 * unsafe requests unless supported by the endpoint"). So each writer reads, replaces, and reads again until no write
 * that began earlier can arrive any more; where a part that it has seen was lost it writes that again. A write that cannot follow its
 * reading soon is not made. Jobs that create the comment at the same time agree on the oldest one: the parts of the
 * others are taken over, and they are removed.
 *
 * @param replaced the marker of a comment that the part takes the place of.
 * @throws PlatformError `conflict` when other jobs overwrite the part again and again.
 * @see https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export async function keepPart(
  store: CommentStore,
  draft: PartDraft,
  layout: Layout,
  { clock, signal, replaced }: Pick<Context, 'clock' | 'signal'> & { replaced: string },
): Promise<{ action: 'created' | 'updated' | 'unchanged'; url: string }> {
  // A part that has the comment for itself is not overwritten by another one.
  const settledMs = layout.order.length > 1 ? SETTLED_MS : 0;
  const begun = clock.now();
  let writtenAt = begun;
  let action: 'created' | 'updated' = 'updated';
  let failures = 0;
  // What was seen once is written again too, as its own job may have ended.
  let parts = new Map<string, Part>();
  for (;;) {
    const readAt = clock.now();
    const own = await store.list();
    const [kept, ...duplicates] = own.filter(({ body }) => isMarked(body, layout.marker));
    const present = kept ? readParts(kept.body) : new Map<string, never>();
    parts = joinParts([parts, present, ...duplicates.map(({ body }) => readParts(body))]);
    const rival = parts.get(draft.name);
    if (kept && rival && isNewer(rival.version, draft.version)) return { action: 'unchanged', url: kept.url };
    if (!kept) {
      await store.create(writeBody(draft, [], layout));
      action = 'created';
      writtenAt = clock.now();
    } else if (!holdsAll(present, [draft, ...parts.values()])) {
      const body = writeBody(draft, parts.values(), layout);
      try {
        await store.replace(kept.id, body, WRITE_LIMIT_MS - (clock.now() - readAt));
      } catch (error) {
        if (!isPassing(error) || ++failures >= MOST_FAILURES) throw error;
      }
      writtenAt = clock.now();
    } else if (clock.now() - writtenAt >= settledMs) {
      const old = own.filter(({ body }) => isMarked(body, replaced));
      for (const { id } of [...duplicates, ...old]) await store.remove(id);
      return { action, url: kept.url };
    }
    if (clock.now() - begun > GIVEN_UP_MS) {
      throw new PlatformError('conflict', `Other jobs overwrote the part ${draft.name} again and again.`);
    }
    if (settledMs > 0 || failures > 0)
      await clock.sleep(BETWEEN_READS_MS + Math.random() * JITTER_MS, signal);
  }
}

/** Whether a comment is the one with this marker. */
export function isMarked(body: string, marker: string): boolean {
  return body.split(/\r?\n/, 1)[0] === marker;
}

/** Whether each part is there, or a newer one of its name. */
function holdsAll(
  present: ReturnType<typeof readParts>,
  parts: readonly Pick<PartDraft, 'name' | 'version'>[],
): boolean {
  return parts.every(({ name, version }) => {
    const held = present.get(name);
    return held !== undefined && !isNewer(version, held.version);
  });
}

/** An outage, a rate limit, or the comment was removed meanwhile: read again. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof GitHubError)) return false;
  return error.code === 'service-unavailable' || error.code === 'throttled' || statusOf(error) === 404;
}
