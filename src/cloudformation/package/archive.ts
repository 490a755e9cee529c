import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { PlatformError } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';

interface Entry {
  /** Path in the archive, with `/` as the separator. */
  name: string;
  path: string;
  executable: boolean;
  size: number;
}

/** The limit of a zip archive without the 64-bit extension, which counts entries in two bytes. */
const MAX_ENTRIES = 65_535;
/** The earliest time in a zip archive. It is local, because the writer uses the parts of the local time. */
const TIME = new Date(1980, 0, 1);
const UNIX = 3;

/** Why a path cannot be packaged. */
export class ArchiveError extends PlatformError {
  override readonly name = 'ArchiveError';

  constructor(message: string) {
    super('input-invalid', message);
  }
}

/**
 * Zips a folder or a single file. The same content gives the same bytes on every machine: entries are sorted, have the same
 * time and one of two modes, and are compressed by a library without native code.
 *
 * @throws ArchiveError for the same reasons as listFiles.
 */
export function zip(path: string): Buffer {
  const files = listFiles(path).map(({ name, path: file, executable }): [string, Zippable[string]] => {
    const mode = 0o100_000 | (executable ? 0o755 : 0o644);
    return [
      name,
      [orArchiveError(name, () => readFileSync(file)), { os: UNIX, attrs: (mode << 16) >>> 0, mtime: TIME }],
    ];
  });
  return Buffer.from(zipSync(Object.fromEntries(files)));
}

/**
 * The files of a folder, or the file itself, sorted. As in `aws cloudformation package`, symbolic links are followed and
 * empty folders are omitted.
 *
 * @throws ArchiveError for a link that is broken or points to a parent folder, for no files, and for too many.
 */
export function listFiles(path: string): Entry[] {
  const isFolder = orArchiveError(path, () => statSync(path)).isDirectory();
  const entries = isFolder ? entriesOf(path, '', []) : [entryOf(path, basename(path))];
  if (entries.length === 0) throw new ArchiveError('it contains no files');
  if (entries.length > MAX_ENTRIES) {
    throw new ArchiveError(
      `it contains ${plural(entries.length, 'file')}, but a zip archive can contain at most ${MAX_ENTRIES}`,
    );
  }
  return entries.sort(byName);
}

/** @param above the real paths of the parent folders, to detect a link to one of them. */
function entriesOf(folder: string, prefix: string, above: readonly string[]): Entry[] {
  const real = realpathSync(folder);
  if (above.includes(real))
    throw new ArchiveError(`${prefix} is a symbolic link to one of its parent folders`);
  return orArchiveError(prefix, () => readdirSync(folder)).flatMap((child) => {
    const [path, name] = [join(folder, child), `${prefix}${child}`];
    const isFolder = orArchiveError(name, () => statSync(path)).isDirectory();
    return isFolder ? entriesOf(path, `${name}/`, [...above, real]) : [entryOf(path, name)];
  });
}

function entryOf(path: string, name: string): Entry {
  const stats = orArchiveError(name, () => statSync(path));
  if (!stats.isFile()) throw new ArchiveError(`${name} is neither a file nor a folder`);
  return { name, path, executable: (stats.mode & 0o100) !== 0, size: stats.size };
}

/** Calls `read`. @throws ArchiveError for a file system error. */
function orArchiveError<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ArchiveError(`${name} cannot be read (${code})`);
  }
}

function byName(one: Entry, other: Entry): number {
  return one.name < other.name ? -1 : 1;
}

/** A zip archive ends with this record, followed by a comment of at most 65,535 bytes. */
const END_RECORD = 'PK\u0005\u0006';
const MAX_END_BYTES = 22 + 65_535;

/** Whether a file is a zip archive: it has the record at its end, as for Python's `zipfile.is_zipfile`. */
export function isZip(bytes: Buffer): boolean {
  return bytes.subarray(-MAX_END_BYTES).includes(END_RECORD, 0, 'latin1');
}
