/** A value cut to a limit, and the number of entries, fields and ends of strings that are omitted. */
export interface Fitted<T> {
  value: T;
  omitted: number;
}

/** Largest share of the limit for one entry of a list; a larger entry is cut itself. */
const LARGEST_SHARE = 0.5;
/** In bytes. Longer strings are cut if space is short. */
const LONGEST_TEXT = 2000;
const ELLIPSIS = '…';

/** Size of a value as JSON, in bytes. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * Cuts an object to at most `limit` bytes as JSON. Lists are cut by whole entries, at any depth below objects. Entries
 * that describe a failure are kept first, then the first entries of each list; the order is preserved. If that is not
 * enough, long strings are cut, then fields are dropped, the largest first.
 *
 * @param kept fields that are never dropped.
 */
export function fitObject(
  whole: Readonly<Record<string, unknown>>,
  limit: number,
  kept: readonly string[] = [],
): Fitted<Record<string, unknown>> {
  if (jsonBytes(whole) <= limit) return { value: whole, omitted: 0 };
  const lists = listsOf(whole);
  const { frame, dropped, cutTexts } = fitFrame(whole, lists, limit, kept);
  const present = lists.filter(({ path: [first = ''] }) => !dropped.has(first));
  const entries = fitEntries(present, limit - jsonBytes(frame));
  const missing = present.map((list) => list.items.length - (entries.get(list)?.size ?? 0));
  const omitted = missing.reduce((sum, count) => sum + count, dropped.size + cutTexts);
  return { value: fill(frame, present, entries), omitted };
}

/** Cuts a list to at most `limit` bytes as JSON, by whole entries; see `fitObject`. */
export function fitList(whole: readonly unknown[], limit: number): Fitted<unknown[]> {
  const { value, omitted } = fitObject({ list: whole }, limit + jsonBytes({ list: [] }) - 2, ['list']);
  return { value: (value['list'] ?? []) as unknown[], omitted };
}

/** The first entries of a map that fit into `limit` bytes as JSON. */
export function fitMap(
  whole: Readonly<Record<string, unknown>>,
  limit: number,
): Fitted<Record<string, unknown>> {
  let room = limit - 2;
  const kept = Object.entries(whole).filter(([key, value]) => {
    const bytes = jsonBytes(key) + 1 + jsonBytes(value) + 1;
    if (bytes > room) return false;
    room -= bytes;
    return true;
  });
  return { value: Object.fromEntries(kept), omitted: Object.keys(whole).length - kept.length };
}

/** The start of a string, at most `limit` bytes of UTF-8. */
export function fitText(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let end = Math.max(0, limit - Buffer.byteLength(ELLIPSIS));
  // Do not split a character: its continuation bytes start with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end).toString()}${ELLIPSIS}`;
}

/** A list inside an object, with its path. */
interface List {
  path: readonly string[];
  items: readonly unknown[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function listsOf(value: unknown, path: readonly string[] = []): List[] {
  if (Array.isArray(value)) return [{ path, items: value }];
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, field]) => listsOf(field, [...path, key]));
}

/** The object with empty lists. */
function withoutEntries(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return [];
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, withoutEntries(field, change)]),
  );
}

/** Everything except the list entries, in at most half of the limit. */
function fitFrame(
  whole: Readonly<Record<string, unknown>>,
  lists: readonly List[],
  limit: number,
  kept: readonly string[],
): { frame: Record<string, unknown>; dropped: Set<string>; cutTexts: number } {
  const most = lists.some(({ items }) => items.length > 0) ? limit * LARGEST_SHARE : limit;
  const dropped = new Set<string>();
  let frame = withoutEntries(whole, (text) => text) as Record<string, unknown>;
  let cutTexts = 0;
  if (jsonBytes(frame) <= most) return { frame, dropped, cutTexts };
  frame = withoutEntries(whole, (text) => {
    const cut = fitText(text, LONGEST_TEXT);
    if (cut !== text) cutTexts++;
    return cut;
  }) as Record<string, unknown>;
  while (jsonBytes(frame) > most) {
    const fields = Object.keys(frame).filter((key) => !kept.includes(key));
    const [largest] = fields.sort((one, other) => jsonBytes(frame[other]) - jsonBytes(frame[one]));
    if (largest === undefined) break;
    dropped.add(largest);
    const { [largest]: _, ...rest } = frame;
    frame = rest;
  }
  return { frame, dropped, cutTexts };
}

/** The entries that fit, by list and index. Their values may be cut. */
function fitEntries(lists: readonly List[], limit: number): Map<List, Map<number, unknown>> {
  const chosen = new Map<List, Map<number, unknown>>();
  let room = limit;
  const all = lists.flatMap((list) => list.items.map((item, index) => ({ list, index, item })));
  const rank = ({ item, index }: { item: unknown; index: number }): number =>
    tellsOfFailure(item) ? index - all.length : index;
  for (const { list, index, item } of all.sort((one, other) => rank(one) - rank(other))) {
    const entry = fitEntry(item, limit * LARGEST_SHARE);
    // Including the comma after it.
    const bytes = entry === undefined ? Infinity : jsonBytes(entry) + 1;
    if (bytes > room) continue;
    room -= bytes;
    const own = chosen.get(list) ?? new Map<number, unknown>();
    chosen.set(list, own.set(index, entry));
  }
  return chosen;
}

/** An entry of at most `limit` bytes; undefined if it cannot be cut that far. */
function fitEntry(item: unknown, limit: number): unknown {
  const isWhole = jsonBytes(item) <= limit;
  if (isWhole) return item;
  if (typeof item === 'string') return fitText(item, LONGEST_TEXT);
  if (Array.isArray(item)) return fitList(item, limit).value;
  return isRecord(item) ? fitObject(item, limit).value : undefined;
}

/** States of parts, stacks, resources and images that count as failures. */
const FAILURE =
  /fail|block|error|stuck|timed-out|cancel|rolled-back|rollback|drifted|modified|not-ready|refused/i;

/** Whether an entry is important to the reader: a failure, a blocked part, data loss. */
function tellsOfFailure(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  const { ok, error, verdict, state, status, action, replacement } = entry;
  if (ok === false || (error !== undefined && error !== null)) return true;
  if ([verdict, state, status].some((text) => typeof text === 'string' && FAILURE.test(text))) return true;
  return action === 'remove' || replacement === 'yes';
}

/** Fills the frame's empty lists with the chosen entries, in their order. */
function fill(
  frame: Record<string, unknown>,
  lists: readonly List[],
  chosen: ReadonlyMap<List, ReadonlyMap<number, unknown>>,
): Record<string, unknown> {
  for (const list of lists) {
    const entries = [...(chosen.get(list) ?? [])].sort(([one], [other]) => one - other);
    let holder = frame;
    for (const key of list.path.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
    holder[list.path.at(-1) ?? ''] = entries.map(([, entry]) => entry);
  }
  return frame;
}
