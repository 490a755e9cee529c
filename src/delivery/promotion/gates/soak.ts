import { digestIn } from '../../../ecs/proof.ts';
import type { Release } from '../../ledger.ts';
import { isSameWorkflowAndRef } from '../../order.ts';

/** A current or earlier release of an environment that may be promoted. */
export interface SoakingRelease {
  digest: string;
  /** Full reference, `repository@digest`. */
  image: string;
  /** The ledger's record; absent for an image that was deployed without the ledger. */
  release?: Release;
  /** Start of the soak, in milliseconds since the epoch; absent if unknown. */
  sinceMs?: number;
  /** End of the soak, if a release that does not build on it replaced it. */
  untilMs?: number;
}

/** The release that a service runs now. */
export interface RunningRelease {
  digest: string;
  image: string;
  /** When its deployment completed, in milliseconds since the epoch. */
  sinceMs?: number;
}

/**
 * The releases of a service that may be promoted, the newest first: the running one and earlier ones. A release soaks
 * from its proof until a release replaces it that does not build on it: one of another workflow or ref, one that was
 * allowed to overwrite a newer one, an unproven one, or one that is not in the ledger. Releases that were rolled back,
 * and all releases before a rollback, are excluded.
 *
 * @param records from the ledger, the newest first.
 * @param running undefined during a deployment.
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

/** Whether a release builds on the one before it: a later run of the same workflow and ref. */
function buildsOn(newer: Release, older: Release): boolean {
  if (!isProven(newer) || newer.allowOlder === true) return false;
  return isSameWorkflowAndRef(older, newer) && newer.runNumber >= older.runNumber;
}

function isProven({ proven, preDeploy }: Release): boolean {
  return proven && preDeploy !== 'pending';
}

function timeOf({ at }: Release): number | undefined {
  const time = Date.parse(at);
  return Number.isNaN(time) ? undefined : time;
}

/** End of the soak in milliseconds since the epoch; Infinity if it never ends, undefined if unknown. */
export function soakedAt({ sinceMs, untilMs }: SoakingRelease, soakMs: number): number | undefined {
  if (soakMs === 0) return 0;
  if (sinceMs === undefined) return undefined;
  return untilMs !== undefined && untilMs - sinceMs < soakMs ? Infinity : sinceMs + soakMs;
}

/** A service, and its releases that may be promoted. */
export interface SoakingService {
  name: string;
  /** The newest first; not empty. */
  releases: readonly SoakingRelease[];
  /** Digest that the target runs. */
  target?: string;
}

/** The release to promote for each service, and the newest one if it differs. */
export interface ReleaseSelection {
  chosen: ReadonlyMap<string, SoakingRelease>;
  /** The newest release, if an earlier one was chosen because it has soaked. */
  newest: ReadonlyMap<string, SoakingRelease>;
}

/**
 * Selects the releases to promote. Services whose releases come from runs of one workflow and ref are selected
 * together, in the state that one of these runs left: the newest that changes the target and has soaked by `byMs`,
 * otherwise the newest, which then has to wait. Other services are selected separately.
 */
export function selectReleases(
  services: readonly SoakingService[],
  { soakMs, byMs }: { soakMs: number; byMs: number },
): ReleaseSelection {
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

/** Groups the services of one workflow and ref; all others are alone. */
function groupsOf(services: readonly SoakingService[]): SoakingService[][] {
  const groups: SoakingService[][] = [];
  for (const service of services) {
    const own = service.releases[0]?.release;
    const group = groups.find(([first]) => {
      const other = first?.releases[0]?.release;
      return own !== undefined && other !== undefined && isSameWorkflowAndRef(other, own);
    });
    if (group) group.push(service);
    else groups.push([service]);
  }
  return groups;
}

/** The states that the runs of a group left, the newest first. None is older than the target's. */
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

/** When all changes of a state have soaked. */
function stateSoakedAt(state: State, group: readonly SoakingService[], soakMs: number): number {
  return Math.max(0, ...changesOf(state, group).map((release) => soakedAt(release, soakMs) ?? Infinity));
}
