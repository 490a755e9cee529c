/** Who holds a lock. Times in ms since the epoch. */
export interface LockHolder {
  /** `octocat` */
  who: string;
  /** The run's page, or whatever says where to look. */
  run: string;
  since: number;
  expires: number;
}

/** What is written into the lock's parameter. */
export interface LockRecord extends LockHolder {
  /** One for each claim, so that a holder knows its own. */
  token: string;
  /** The version that this one was written over; absent in the record that made the parameter. */
  over?: { version: number; token: string };
}

/** A version of the parameter. Without a record it was written by hand, or by something else. */
export interface LockVersion {
  version: number;
  text: string;
  record: LockRecord | undefined;
}

/** Reads one version's text; what is no record is kept as it is. */
export function lockVersion(version: number, text: string): LockVersion {
  return { version, text, record: recordOf(text) };
}

/**
 * The version that says who holds the lock: the newest that was written over the very version that its writer
 * had read. Parameter Store has no conditional overwrite; it counts versions, though, and keeps them, so that
 * everybody can tell the write that came first from one that came too late. A version that is no record of
 * ours holds the lock too: an unreadable lock is a lock.
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
      // The oldest versions are gone after a hundred.
      return before === undefined || tokenOf(before) === record.over.token;
    });
}

/** The token of a version; of one that is no record, its text. */
export function tokenOf({ record, text }: LockVersion): string {
  return record?.token ?? text;
}

function recordOf(text: string): LockRecord | undefined {
  let value: Partial<LockRecord>;
  try {
    value = Object(JSON.parse(text)) as Partial<LockRecord>;
  } catch {
    return undefined; // Somebody's own words, which holderOf respects.
  }
  const { token, who, run, since, expires } = value;
  const isRecord =
    [token, who, run].every((field) => typeof field === 'string') &&
    [since, expires].every((field) => typeof field === 'number');
  return isRecord ? (value as LockRecord) : undefined;
}
