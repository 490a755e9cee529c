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

/** The comments on a pull request that were written by the user of the token. */
export interface CommentStore {
  /** Oldest first. */
  list(): Promise<StoredComment[]>;
  /** `created` is false if a comment with the marker is found after the response was lost. */
  create(body: string): Promise<StoredComment & { created: boolean }>;
  /** With a limit, there is only one attempt, which is aborted after `limitMs`. */
  replace(id: number, body: string, limitMs?: number): Promise<void>;
  /** Does nothing if the comment no longer exists. */
  remove(id: number): Promise<void>;
}

export interface StoredComment {
  id: number;
  body: string;
  url: string;
}

/** The limit from reading a comment to the response to its replacement. */
const WRITE_LIMIT_MS = 5000;
/** "If GitHub takes more than 10 seconds to process an API request, GitHub will terminate the request". */
const GITHUB_LIMIT_MS = 10_000;
/** How stale the response to a read may be. GitHub does not document a limit. */
const LAG_MS = 1000;
/** After this time, no write can arrive that began before this one was visible: both reads may have been stale. */
const SETTLED_MS = WRITE_LIMIT_MS + GITHUB_LIMIT_MS + 2 * LAG_MS;
const BETWEEN_READS_MS = 2500;
const JITTER_MS = 2000;
/** Being overwritten for this long is not a race, because other jobs write only occasionally. */
const GIVEN_UP_MS = 120_000;
const MOST_FAILURES = 4;

/**
 * Writes one part of a comment that several jobs write at the same time.
 *
 * GitHub has no conditional writes: it rejects a PATCH with If-Match ("Conditional request headers are not allowed in
 * unsafe requests unless supported by the endpoint"). Each writer therefore reads, replaces, and reads again until no
 * earlier write can arrive any more. If a part that it has seen was lost, it writes that part again. A write is aborted
 * if it is too late after its read. Jobs that create the comment at the same time agree on the oldest one: they copy the
 * parts of the others and delete them.
 *
 * @param replaced the marker of an older comment that the part replaces.
 * @throws PlatformError `conflict` if other jobs repeatedly overwrite the part.
 * @see https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
export async function upsertPart(
  store: CommentStore,
  draft: PartDraft,
  layout: Layout,
  { clock, signal, replaced }: Pick<Context, 'clock' | 'signal'> & { replaced: string },
): Promise<{ action: 'created' | 'updated' | 'unchanged'; url: string }> {
  // A comment with a single part has no other writers.
  const settledMs = layout.order.length > 1 ? SETTLED_MS : 0;
  const begun = clock.now();
  let writtenAt = begun;
  let action: 'created' | 'updated' = 'updated';
  let failures = 0;
  // Every part that was seen is written again if it is lost, because its own job may have ended.
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
    } else if (!containsAll(present, [draft, ...parts.values()])) {
      const body = writeBody(draft, parts.values(), layout);
      try {
        await store.replace(kept.id, body, WRITE_LIMIT_MS - (clock.now() - readAt));
      } catch (error) {
        if (!isTransient(error) || ++failures >= MOST_FAILURES) throw error;
      }
      writtenAt = clock.now();
    } else if (clock.now() - writtenAt >= settledMs) {
      const old = own.filter(({ body }) => isMarked(body, replaced));
      for (const { id } of [...duplicates, ...old]) await store.remove(id);
      return { action, url: kept.url };
    }
    if (clock.now() - begun > GIVEN_UP_MS) {
      throw new PlatformError(
        'conflict',
        `Other jobs repeatedly overwrote the part ${draft.name} of the comment.`,
      );
    }
    if (settledMs > 0 || failures > 0)
      await clock.sleep(BETWEEN_READS_MS + Math.random() * JITTER_MS, signal);
  }
}

/** Whether a comment is the one with this marker. */
export function isMarked(body: string, marker: string): boolean {
  return body.split(/\r?\n/, 1)[0] === marker;
}

/** Whether each part is present in this or a newer version. */
function containsAll(
  present: ReturnType<typeof readParts>,
  parts: readonly Pick<PartDraft, 'name' | 'version'>[],
): boolean {
  return parts.every(({ name, version }) => {
    const held = present.get(name);
    return held !== undefined && !isNewer(version, held.version);
  });
}

/** An outage, a rate limit, or a comment that was deleted in the meantime. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof GitHubError)) return false;
  return error.code === 'service-unavailable' || error.code === 'throttled' || statusOf(error) === 404;
}
