import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { PlatformError } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';

interface Entry {
  /** With `/` between its parts. */
  name: string;
  path: string;
  executable: boolean;
  size: number;
}

/** A zip archive without its 64-bit extension counts its entries in two bytes. */
const MOST_ENTRIES = 65_535;
/** The first moment that a zip archive can have. The writer takes the parts of the local time, so it is a local one. */
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
 * A folder, or a single file, as a zip archive. The same content gives the same bytes on every machine: entries are
 * sorted, have one time and one of two modes, and are compressed by a library without native code.
 *
 * @throws ArchiveError as listFiles does.
 */
export function zip(path: string): Buffer {
  const files = listFiles(path).map(({ name, path: file, executable }): [string, Zippable[string]] => {
    const mode = 0o100_000 | (executable ? 0o755 : 0o644);
    return [
      name,
      [reading(name, () => readFileSync(file)), { os: UNIX, attrs: (mode << 16) >>> 0, mtime: TIME }],
    ];
  });
  return Buffer.from(zipSync(Object.fromEntries(files)));
}

/**
 * The files of a folder, or the file itself, sorted. As in `aws cloudformation package`, symbolic links are followed,
 * and folders without files are left out.
 *
 * @throws ArchiveError for a link that leads nowhere or to a folder around it, and for too many files or none.
 */
export function listFiles(path: string): Entry[] {
  const isFolder = reading(path, () => statSync(path)).isDirectory();
  const entries = isFolder ? entriesOf(path, '', []) : [entryOf(path, basename(path))];
  if (entries.length === 0) throw new ArchiveError('it has no files');
  if (entries.length > MOST_ENTRIES) {
    throw new ArchiveError(
      `it has ${plural(entries.length, 'file')}, and a zip archive holds at most ${MOST_ENTRIES}`,
    );
  }
  return entries.sort(byName);
}

/** @param above the real paths of the folders around it, to notice a link to one of them. */
function entriesOf(folder: string, prefix: string, above: readonly string[]): Entry[] {
  const real = realpathSync(folder);
  if (above.includes(real)) throw new ArchiveError(`${prefix} is a link to a folder around it`);
  return reading(prefix, () => readdirSync(folder)).flatMap((child) => {
    const [path, name] = [join(folder, child), `${prefix}${child}`];
    const isFolder = reading(name, () => statSync(path)).isDirectory();
    return isFolder ? entriesOf(path, `${name}/`, [...above, real]) : [entryOf(path, name)];
  });
}

function entryOf(path: string, name: string): Entry {
  const stats = reading(name, () => statSync(path));
  if (!stats.isFile()) throw new ArchiveError(`${name} is neither a file nor a folder`);
  return { name, path, executable: (stats.mode & 0o100) !== 0, size: stats.size };
}

/** @throws ArchiveError for an error of the file system. */
function reading<T>(name: string, read: () => T): T {
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

/** An archive ends with this record and a comment of at most 65,535 bytes. */
const END_RECORD = 'PK\u0005\u0006';
const LONGEST_END = 22 + 65_535;

/** Whether a file is a zip archive, by the record at its end, as Python's `zipfile.is_zipfile` looks for it. */
export function isZip(bytes: Buffer): boolean {
  return bytes.subarray(-LONGEST_END).includes(END_RECORD, 0, 'latin1');
}
