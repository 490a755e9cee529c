import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * `expand` runs before a release and is compatible with the previous release; `contract` removes what no running
 * release uses any more, and runs after the rollout.
 */
export const phases = ['expand', 'contract'] as const;
export type Phase = (typeof phases)[number];

export interface Migration {
  /** The file's name without `.sql`: `0002.expand.display-name`. */
  id: string;
  phase: Phase;
  /**
   * One statement list, run in a transaction; several, each run separately, if the file starts with `-- no
   * transaction`.
   */
  statements: string[];
  transaction: boolean;
  checksum: string;
}

const FILE_NAME = /^\d{4}\.(expand|contract)\.[a-z0-9-]+\.sql$/;
const NO_TRANSACTION = '-- no transaction\n';

/**
 * The migrations of a folder, in order. @throws Error with the file's name if it is not
 * `0001.expand.what-it-does.sql`, or if its number is a duplicate.
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).sort();
  const numbers = files.map((file) => file.slice(0, 4));
  return Promise.all(
    files.map(async (file, index) => {
      const phase = phases.find((candidate) => FILE_NAME.exec(file)?.[1] === candidate);
      if (phase === undefined)
        throw new Error(`${file}: expected a name such as 0001.expand.what-it-does.sql`);
      if (numbers.indexOf(file.slice(0, 4)) !== index) throw new Error(`${file}: duplicate migration number`);
      return parse(file.replace(/\.sql$/, ''), phase, await readFile(join(folder, file), 'utf8'));
    }),
  );
}

function parse(id: string, phase: Phase, sql: string): Migration {
  const transaction = !sql.startsWith(NO_TRANSACTION);
  const checksum = createHash('sha256').update(sql).digest('hex');
  const statements = transaction
    ? [sql]
    : sql.slice(NO_TRANSACTION.length).split(/\n\n+/).filter(isStatement);
  return { id, phase, statements, transaction, checksum };
}

const isStatement = (paragraph: string) =>
  paragraph.split('\n').some((line) => line !== '' && !line.startsWith('--'));
