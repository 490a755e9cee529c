import { randomUUID } from 'node:crypto';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { awsNameOf, classify, isNotFound, isRefusal } from '../aws/errors.ts';
import { deleteParameter, deleteParameterInBatch, readNewestVersion } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import { restoreSignal, stopsEnd } from '../core/cancellation.ts';
import type { Context } from '../core/context.ts';
import { CancelledError, PlatformError, reasonOf } from '../core/errors.ts';
import type { LedgerNames } from './ledger.ts';
import { deleteStopRequest, readStopRequest, stopParameter, writeStopRequest } from './stop-request.ts';

/** A holder that has not renewed the lock for this long counts as dead. */
const TTL_MS = 5 * 60_000;
const RENEWAL_INTERVAL_MS = 60_000;
const POLL_INTERVAL_MS = 3000;
const STOP_CHECK_INTERVAL_MS = 10_000;
/** How long a rollback has priority: enough for the holder to see the request, stop and release the lock. */
const ROLLBACK_PRIORITY_MS = 60_000;
const RELEASE_TIMEOUT_MS = 3000;
/** Time left in a cancelled job after the stop calls have ended. */
const LATE_RELEASE_TIMEOUT_MS = 1500;

export interface LockContext extends Pick<Context, 'clock' | 'signal' | 'log' | 'urgency'> {
  ssm(): Promise<SSMClient>;
}

export interface LockRequest {
  /** Name of the parameter; see environmentLock. */
  parameter: string;
  /** The locked object, such as `The environment`. */
  what: string;
  /** The actor and the URL of the run that takes the lock. */
  who: string;
  run: string;
  /** How long to wait for another run, in milliseconds. */
  waitMs: number;
  /**
   * Reason for requesting the holder to stop. A run with a reason is not stopped by others: a rollback waits for another
   * rollback.
   */
  stopHolder?: string;
}

/** Another run held the lock for the whole wait, or took it from this run. */
export class LockTakenError extends PlatformError {
  override readonly name = 'LockTakenError';

  constructor(parameter: string, holder: string, code: 'lock-held' | 'lock-lost' = 'lock-held') {
    super(code, `${holder}. The lock is the parameter ${parameter}`);
  }
}

/** The lock of an environment. Changes to the environment as a whole hold it. */
export function environmentLock(of: {
  project: string;
  environment: string;
}): Pick<LockRequest, 'parameter' | 'what'> {
  return { parameter: `/${of.project}/${of.environment}/lock`, what: 'The environment' };
}

/** The lock of one service, next to its ledger. Every release of the service holds it. */
export function serviceLock({ release }: LedgerNames): Pick<LockRequest, 'parameter' | 'what'> {
  return { parameter: release.replace(/release$/, 'lock'), what: 'The service' };
}

/**
 * Runs the work while holding a lock: a parameter in Parameter Store that is renewed during the work and always
 * released afterwards. The lock of a dead holder expires five minutes after its last renewal.
 *
 * @param work receives a signal that aborts when the job is cancelled, with a CancelledError when another run requests
 *   this one to stop, or with a LockTakenError when the lock is lost.
 * @throws LockTakenError if another run holds the lock for longer than `waitMs`.
 */
export async function withLock<T>(
  context: LockContext,
  request: LockRequest,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // A lock that is not renewed in time is lost, so its calls go before all others.
  const lock = new Lock(await context.ssm(), request, { ...context, urgency: Infinity });
  try {
    await lock.acquire(request.waitMs);
  } catch (error) {
    // Cancelled, or the response was lost: this run may hold the lock nevertheless.
    if (!(error instanceof LockTakenError)) await lock.release();
    throw error;
  }
  const lost = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, lost.signal]);
  const keeping = [lock.keep(over.signal), lock.watchForStop(over.signal)].map((kept) =>
    kept.catch((error: unknown) => {
      if (!over.signal.aborted) lost.abort(error);
    }),
  );
  const release = async (): Promise<void> => {
    over.abort();
    await Promise.all(keeping);
    await lock.release();
  };
  // No more stop calls follow, so the next holder is safe from them even if the work has not ended yet.
  const late = { released: undefined as Promise<void> | undefined };
  const onStopsEnd = (): void => {
    late.released ??= release();
  };
  const stops = stopsEnd();
  stops.addEventListener('abort', onStopsEnd, { once: true });
  try {
    return await work(signal);
  } finally {
    stops.removeEventListener('abort', onStopsEnd);
    await (late.released ?? release());
  }
}

class Lock {
  readonly #client: SSMClient;
  readonly #context: LockContext;
  readonly #name: string;
  readonly #what: string;
  readonly #token = randomUUID();
  readonly #own: Pick<LockHolder, 'who' | 'run'>;
  readonly #stopHolder: string | undefined;
  #since = 0;
  /** The version that the next write replaces. */
  #latest: { version: number; token: string } | undefined;
  #expires = 0;
  /** Expiry of the newest record that was sent, whether or not it was written. */
  #sentExpires = 0;
  /** Whether this run holds the parameter: `unknown` while a write is unanswered. */
  #held: 'no' | 'unknown' | 'yes' = 'no';
  /** Whether the newest version was created by this run, or renewed before it could be taken over. */
  #isProven = false;

  constructor(client: SSMClient, request: LockRequest, context: LockContext) {
    const { parameter, what, who, run, stopHolder } = request;
    this.#client = client;
    this.#context = context;
    this.#name = parameter;
    this.#what = what;
    this.#own = { who, run };
    this.#stopHolder = stopHolder;
  }

  async acquire(waitMs: number): Promise<void> {
    const { clock, log, signal } = this.#context;
    const deadline = clock.now() + waitMs;
    let requested = '';
    for (let logged = ''; ;) {
      this.#since = clock.now();
      const rollback = await this.#waitingRollback();
      const holder = rollback === undefined ? await this.#claim() : undefined;
      if (rollback === undefined && holder === undefined) {
        if (requested !== '') await this.#deleteStopRequest();
        return;
      }
      const text = holder ? describeHolder(this.#what, holder) : (rollback ?? '');
      const left = deadline - clock.now();
      if (left <= 0) throw new LockTakenError(this.#name, text);
      if (holder && tokenOf(holder) !== requested && (await this.#requestStop(holder)))
        requested = tokenOf(holder);
      if (text !== logged) log.info(`${text}; waiting up to ${Math.ceil(waitMs / 1000)} s.`);
      logged = text;
      await clock.sleep(Math.min(POLL_INTERVAL_MS, left), signal);
    }
  }

  /**
   * Checks for a stop request for this run until the signal is aborted. Throws a CancelledError if there is one.
   *
   * Each check is a GetParameter call. An account has 40 of them per second and region free of charge, shared with
   * GetParameters and GetParametersByPath. A promotion of twenty services, with a lock each, uses two calls per check.
   *
   * @see https://docs.aws.amazon.com/general/latest/gr/ssm.html
   */
  async watchForStop(over: AbortSignal): Promise<void> {
    if (this.#stopHolder !== undefined) return;
    const { clock, log } = this.#context;
    for (;;) {
      // All locks of a run check at the same time, so that one call reads ten of them.
      await clock.sleep(STOP_CHECK_INTERVAL_MS - (clock.now() % STOP_CHECK_INTERVAL_MS), over);
      try {
        const request = await readStopRequest(this.#client, this.#name, { signal: over, log });
        if (request?.token === this.#token)
          throw new CancelledError(`${request.who} for a rollback (${request.run}): ${request.reason}`);
      } catch (error) {
        if (over.aborted || error instanceof CancelledError) throw error;
        log.debug(`Cannot read the stop request for ${this.#name}: ${reasonOf(error)}`);
        if (classify(error) === 'denied') return;
      }
    }
  }

  /**
   * Renews the lock until the signal is aborted. Throws if another run took the lock or it could not be renewed in
   * time.
   */
  async keep(over: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    for (;;) {
      await clock.sleep(RENEWAL_INTERVAL_MS, over);
      try {
        await this.#renew();
      } catch (error) {
        if (error instanceof LockTakenError || clock.now() >= this.#expires) throw error;
        log.debug(`Cannot renew the lock ${this.#name}, will retry: ${reasonOf(error)}`);
      }
    }
  }

  /** Never throws: a lock that cannot be released expires, with a warning. Does nothing if the lock was never taken. */
  async release(): Promise<void> {
    if (this.#held === 'no') return;
    const { log, signal } = this.#context;
    const isLate = signal.aborted;
    const context = { signal: restoreSignal(isLate ? LATE_RELEASE_TIMEOUT_MS : RELEASE_TIMEOUT_MS), log };
    try {
      // A cancelled run has only seconds to release all of its locks.
      if (isLate && (await this.#ownsNewestVersion(context))) {
        await deleteParameterInBatch(this.#client, this.#name, context);
        return;
      }
      const holder = holderOf(await this.#history(context));
      if (!holder || tokenOf(holder) !== this.#token) return;
      const remove = isLate ? deleteParameterInBatch : deleteParameter;
      await remove(this.#client, this.#name, context);
    } catch (error) {
      const until = new Date(this.#sentExpires).toISOString();
      const what =
        this.#held === 'yes'
          ? `Failed to release the lock ${this.#name}`
          : `Failed to check whether this run still holds the lock ${this.#name}`;
      log.warning(`${what}: ${reasonOf(error)}. It expires at ${until}.`);
    }
  }

  /**
   * Whether the newest version is the one that this run wrote, read together with other locks. If that does not prove
   * that the lock is still held, its history is read.
   */
  async #ownsNewestVersion(context: Pick<Context, 'signal' | 'log'>): Promise<boolean> {
    if (!this.#isProven) return false;
    try {
      const found = await readNewestVersion(this.#client, this.#name, context);
      if (found?.version !== this.#latest?.version) return false;
      const holder = found && holderOf([lockVersion(found.version, found.value)]);
      return holder !== undefined && tokenOf(holder) === this.#token;
    } catch (error) {
      if (classify(error) !== 'denied') throw error;
      context.log.debug(`Cannot read the lock ${this.#name} together with others: ${reasonOf(error)}`);
      return false;
    }
  }

  /**
   * The rollback that has requested the holder to stop and is waiting. It has priority, so that other waiting runs do
   * not start a rollout that it would have to stop too.
   *
   * @returns undefined if there is none, or if it cannot be read.
   */
  async #waitingRollback(): Promise<string | undefined> {
    if (this.#stopHolder !== undefined) return undefined;
    const { clock, signal, log } = this.#context;
    try {
      const request = await readStopRequest(this.#client, this.#name, { signal, log });
      if ((request?.expires ?? 0) <= clock.now()) return undefined;
      const { who = '', run = '' } = request ?? {};
      return `${this.#what} waits for a rollback by ${who} (${run})`;
    } catch (error) {
      signal.throwIfAborted();
      log.debug(`Cannot read whether a rollback waits for ${this.#name}: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** @returns whether the request was written. */
  async #requestStop(holder: LockVersion): Promise<boolean> {
    const reason = this.#stopHolder;
    const { record } = holder;
    if (reason === undefined || !record) return false;
    const { log } = this.#context;
    try {
      const expires = this.#context.clock.now() + ROLLBACK_PRIORITY_MS;
      const request = { ...this.#own, token: record.token, reason, expires };
      await writeStopRequest(this.#client, this.#name, request, this.#context);
      log.info(`Requested the run that holds the lock (${record.run}) to stop.`);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      const fix =
        classify(error) === 'denied' ? ` Fix: Allow ssm:PutParameter on ${stopParameter(this.#name)}.` : '';
      log.warning(
        `Failed to request the holder of the lock ${this.#name} to stop: ${reasonOf(error)}.${fix}`,
      );
    }
    return true;
  }

  /** Deletes the stop request; its addressee no longer holds the lock. */
  async #deleteStopRequest(): Promise<void> {
    try {
      await deleteStopRequest(this.#client, this.#name, this.#context);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.#context.log.debug(`Cannot delete the stop request for ${this.#name}: ${reasonOf(error)}`);
    }
  }

  /** Takes the lock if it is free or its holder is dead; otherwise returns the holder. */
  async #claim(): Promise<LockVersion | undefined> {
    const created = await this.#put(undefined);
    if (created !== undefined) return undefined;
    const history = await this.#history(this.#context);
    const holder = holderOf(history);
    // The response to this run's own claim was lost.
    this.#held = holder && tokenOf(holder) === this.#token ? 'yes' : 'no';
    if (this.#held === 'yes') return undefined;
    if (holder && !this.#isExpired(holder)) return holder;
    const latest = newest(history);
    if (!latest) return this.#claim(); // It was released in the meantime.
    if (holder)
      this.#context.log.info(
        `${describeHolder(this.#what, holder)}, but the lock was not renewed in time. Taking it over.`,
      );
    await this.#put({ version: latest.version, token: tokenOf(latest) });
    const now = await this.#adopt();
    // The lock was deleted in between: claim it again.
    if (!now) return this.#claim();
    if (tokenOf(now) === this.#token) return undefined;
    this.#held = 'no';
    return now;
  }

  async #renew(): Promise<void> {
    const expected = (this.#latest?.version ?? 0) + 1;
    if ((await this.#put(this.#latest)) === expected) return;
    // A late claim was written in between: read the current holder and replace that version.
    const holder = await this.#adopt();
    if (!holder) throw new LockTakenError(this.#name, 'The lock was deleted manually', 'lock-lost');
    if (tokenOf(holder) !== this.#token) {
      throw new LockTakenError(this.#name, describeHolder(this.#what, holder), 'lock-lost');
    }
    await this.#renew();
  }

  /**
   * Writes this run's record over a version, or creates the parameter.
   *
   * @returns the new version; undefined if the parameter was to be created but exists already.
   */
  async #put(over: LockRecord['over']): Promise<number | undefined> {
    const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
    const expires = this.#context.clock.now() + TTL_MS;
    const record: LockRecord = {
      ...this.#own,
      since: this.#since,
      expires,
      token: this.#token,
      ...(over && { over }),
    };
    const before = this.#held;
    if (before === 'no') this.#held = 'unknown';
    this.#sentExpires = expires;
    const command = new PutParameterCommand({
      Name: this.#name,
      Type: 'String',
      Value: JSON.stringify(record),
      Overwrite: over !== undefined,
    });
    try {
      const { Version = 1 } = await send(this.#client, command, this.#context);
      this.#isProven =
        over === undefined || (over.token === this.#token && this.#context.clock.now() < this.#expires);
      this.#latest = { version: Version, token: this.#token };
      this.#held = 'yes';
      this.#expires = expires;
      return Version;
    } catch (error) {
      if (over === undefined && awsNameOf(error) === 'ParameterAlreadyExists') return undefined;
      if (isRefusal(error)) this.#held = before;
      throw error;
    }
  }

  /** Reads the current holder; the next write replaces the newest version. */
  async #adopt(): Promise<LockVersion | undefined> {
    const history = await this.#history(this.#context);
    const latest = newest(history);
    this.#latest = latest && { version: latest.version, token: tokenOf(latest) };
    return holderOf(history);
  }

  async #history(context: Pick<Context, 'signal'>): Promise<LockVersion[]> {
    return await readVersions(this.#client, this.#name, context);
  }

  #isExpired({ record }: LockVersion): boolean {
    return record !== undefined && record.expires <= this.#context.clock.now();
  }
}

/** Describes who holds a lock, without a full stop; undefined if it is free. */
export async function describeLock(
  context: LockContext,
  { parameter, what }: Pick<LockRequest, 'parameter' | 'what'>,
): Promise<string | undefined> {
  const holder = holderOf(await readVersions(await context.ssm(), parameter, context));
  const isExpired = holder?.record !== undefined && holder.record.expires <= context.clock.now();
  return holder && !isExpired ? describeHolder(what, holder) : undefined;
}

/** URL of the run that holds a lock; empty if it is free. */
export async function lockHolder(context: LockContext, parameter: string): Promise<string> {
  const record = holderOf(await readVersions(await context.ssm(), parameter, context))?.record;
  return record && record.expires > context.clock.now() ? record.run : '';
}

async function readVersions(
  client: SSMClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<LockVersion[]> {
  const { GetParameterHistoryCommand } = await import('@aws-sdk/client-ssm');
  const versions: LockVersion[] = [];
  let NextToken: string | undefined;
  do {
    const command = new GetParameterHistoryCommand({ Name: name, NextToken });
    const page = await send(client, command, context).catch((error: unknown) => {
      if (isNotFound(error)) return { Parameters: [], NextToken: undefined };
      throw error;
    });
    for (const { Version = 0, Value = '' } of page.Parameters ?? []) {
      versions.push(lockVersion(Version, Value));
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return versions;
}

function newest(history: readonly LockVersion[]): LockVersion | undefined {
  return history.toSorted((a, b) => b.version - a.version)[0];
}

/** `The environment is locked by octocat since 2026-11-25T09:00:00Z (https://…/runs/1)`. */
function describeHolder(what: string, { record, text }: LockVersion): string {
  if (!record) return `${what} is locked: ${text}`;
  const since = new Date(record.since).toISOString().replace(/\.\d+Z$/, 'Z');
  return `${what} is locked by ${record.who} since ${since} (${record.run})`;
}

/** The holder of a lock. Times are in milliseconds since the epoch. */
interface LockHolder {
  /** `octocat` */
  who: string;
  /** URL of the run, or other text that identifies it. */
  run: string;
  /** When the lock was acquired. */
  since: number;
  /** When it expires unless it is renewed. */
  expires: number;
}

/** Content of the lock's parameter. */
export interface LockRecord extends LockHolder {
  /** Unique for each claim, so that a holder recognises its own records. */
  token: string;
  /** The version that this record replaced; absent in the record that created the parameter. */
  over?: { version: number; token: string };
}

/** A version of the parameter. Without a record, it was written manually or by another program. */
interface LockVersion {
  version: number;
  text: string;
  record: LockRecord | undefined;
}

/** Parses one version. Text that is not a record is kept. */
export function lockVersion(version: number, text: string): LockVersion {
  return { version, text, record: recordOf(text) };
}

/**
 * The version that determines the holder: the newest one that was written over exactly the version that its writer had
 * read. Parameter Store has no conditional writes, but it numbers and keeps versions, so every run can tell the first
 * write from one that came too late. A version that is not a record holds the lock too: an unreadable lock is a lock.
 */
export function holderOf(history: readonly LockVersion[]): LockVersion | undefined {
  const byVersion = new Map(history.map((version) => [version.version, version]));
  return history
    .toSorted((a, b) => b.version - a.version)
    .find(({ version, record }) => {
      if (!record) return true;
      if (!record.over) return version === 1;
      if (record.over.version !== version - 1) return false;
      const before = byVersion.get(version - 1);
      // Versions older than the last 100 no longer exist.
      return before === undefined || tokenOf(before) === record.over.token;
    });
}

/** The token of a version, or its text if it is not a record. */
function tokenOf({ record, text }: LockVersion): string {
  return record?.token ?? text;
}

function recordOf(text: string): LockRecord | undefined {
  let value: Partial<LockRecord>;
  try {
    value = Object(JSON.parse(text)) as Partial<LockRecord>;
  } catch {
    return undefined; // Text that was written manually holds the lock too; see holderOf.
  }
  const { token, who, run, since, expires } = value;
  const isRecord =
    [token, who, run].every((field) => typeof field === 'string') &&
    [since, expires].every((field) => typeof field === 'number');
  return isRecord ? (value as LockRecord) : undefined;
}
