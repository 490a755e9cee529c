import { digestIn } from '../../../ecs/proof.ts';
import type { Release } from '../../ledger.ts';
import { isSameQueue } from '../../order.ts';

/** A release that an environment has, or had, as far as it may be promoted. */
export interface SoakingRelease {
  digest: string;
  /** `repository@digest`, whole. */
  image: string;
  /** What the ledger has of it; absent for an image that was deployed past the ledger. */
  release?: Release;
  /** Since when it counts, ms since the epoch; absent where nothing tells. */
  sinceMs?: number;
  /** Until when, where a release that does not build on it took its place. */
  untilMs?: number;
}

/** What a service runs now. */
export interface RunningRelease {
  digest: string;
  image: string;
  /** Since when its deployment is complete. */
  sinceMs?: number;
}

/**
 * The releases of a service that may be promoted, the newest first: what it runs, and the releases before it. A release
 * counts from when it was proven until a release takes its place that does not build on it: one of another workflow or
 * ref, one that was let past a newer one, an unproven one, or one that the ledger does not have. What was rolled back,
 * and all before a rollback, is left out.
 *
 * @param records of the ledger, the newest first.
 * @param running undefined while a deployment is in progress.
 */
export function soakingReleases(
  records: readonly Release[],
  running: RunningRelease | undefined,
): SoakingRelease[] {
  const [newest] = records;
  if (running && (!newest || digestIn(newest.image) !== running.digest)) return [running];
  const found: SoakingRelease[] = [];
  let untilMs: number | undefined;
  for (const [index, release] of records.entries()) {
    const newer = records[index - 1];
    if (newer?.rolledBackFrom !== undefined) break;
    if (newer && !buildsOn(newer, release)) untilMs = timeOf(newer);
    const digest = digestIn(release.image);
    const isKnown = digest === undefined || found.some((one) => one.digest === digest);
    if (isKnown || !isProven(release)) continue;
    const sinceMs = (index === 0 ? running?.sinceMs : undefined) ?? timeOf(release);
    found.push({
      digest,
      image: release.image,
      release,
      ...(sinceMs !== undefined && { sinceMs }),
      ...(untilMs !== undefined && { untilMs }),
    });
  }
  return found;
}

/** Whether a release follows from the one before it: a later run of the same workflow and ref. */
function buildsOn(newer: Release, older: Release): boolean {
  if (!isProven(newer) || newer.allowOlder === true) return false;
  return isSameQueue(older, newer) && newer.runNumber >= older.runNumber;
}

function isProven({ proven, preDeploy }: Release): boolean {
  return proven && preDeploy !== 'pending';
}

function timeOf({ at }: Release): number | undefined {
  const time = Date.parse(at);
  return Number.isNaN(time) ? undefined : time;
}

/** When a release has soaked, ms since the epoch; Infinity where it never will, undefined where nothing tells. */
export function soakedAt({ sinceMs, untilMs }: SoakingRelease, soakMs: number): number | undefined {
  if (soakMs === 0) return 0;
  if (sinceMs === undefined) return undefined;
  return untilMs !== undefined && untilMs - sinceMs < soakMs ? Infinity : sinceMs + soakMs;
}

/** A service, and what of it may be promoted. */
export interface SoakingService {
  name: string;
  /** The newest first; not empty. */
  releases: readonly SoakingRelease[];
  /** What the target runs. */
  target?: string;
}

/** What is to be promoted of each service, and whether that is the newest. */
export interface Selection {
  chosen: ReadonlyMap<string, SoakingRelease>;
  /** The newest, where an earlier one was chosen because it has soaked. */
  newest: ReadonlyMap<string, SoakingRelease>;
}

/**
 * Selects what is promoted. Services whose releases come from runs of one workflow and ref go together, as one of these
 * runs left them: the newest that changes the target and has soaked by `byMs`; where there is none, the newest, which
 * then has to wait. Other services are selected each on its own.
 */
export function selectReleases(
  services: readonly SoakingService[],
  { soakMs, byMs }: { soakMs: number; byMs: number },
): Selection {
  const chosen = new Map<string, SoakingRelease>();
  const newest = new Map<string, SoakingRelease>();
  for (const group of groupsOf(services)) {
    const states = statesOf(group);
    const latest = states[0] ?? new Map<string, SoakingRelease>();
    const ready = states.find(
      (state) => changesOf(state, group).length > 0 && stateSoakedAt(state, group, soakMs) <= byMs,
    );
    for (const [name, release] of ready ?? latest) {
      chosen.set(name, release);
      const last = latest.get(name);
      if (last && last !== release) newest.set(name, last);
    }
  }
  return { chosen, newest };
}

type State = ReadonlyMap<string, SoakingRelease>;

/** Services of one workflow and ref together, all others alone. */
function groupsOf(services: readonly SoakingService[]): SoakingService[][] {
  const groups: SoakingService[][] = [];
  for (const service of services) {
    const own = service.releases[0]?.release;
    const group = groups.find(([first]) => {
      const other = first?.releases[0]?.release;
      return own !== undefined && other !== undefined && isSameQueue(other, own);
    });
    if (group) group.push(service);
    else groups.push([service]);
  }
  return groups;
}

/** What the runs of a group left, the newest first; none is older than what the target has. */
function statesOf(group: readonly SoakingService[]): State[] {
  const candidates = group.map(({ name, releases, target }) => {
    const at = releases.findIndex(({ digest }) => digest === target);
    return { name, releases: at < 0 ? releases : releases.slice(0, at + 1) };
  });
  const [only] = candidates;
  if (candidates.length === 1 && only) return only.releases.map((release) => new Map([[only.name, release]]));
  const runs = candidates.flatMap(({ releases }) => releases.map(runOf));
  const distinct = [...new Set(runs)].sort((one, other) => other - one);
  const states = distinct.map(
    (run) =>
      new Map(
        candidates.flatMap(({ name, releases }) => {
          const found = releases.find((release) => runOf(release) <= run);
          return found ? [[name, found] as const] : [];
        }),
      ),
  );
  return states.filter((state) => state.size === group.length);
}

function runOf({ release }: SoakingRelease): number {
  return release?.runNumber ?? 0;
}

function changesOf(state: State, group: readonly SoakingService[]): SoakingRelease[] {
  return group.flatMap(({ name, target }) => {
    const release = state.get(name);
    return release && release.digest !== target ? [release] : [];
  });
}

/** When all that a state would change has soaked. */
function stateSoakedAt(state: State, group: readonly SoakingService[], soakMs: number): number {
  return Math.max(0, ...changesOf(state, group).map((release) => soakedAt(release, soakMs) ?? Infinity));
}
