import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Module {
  identifier?: string;
  nameForCondition?: string;
  chunks?: (string | number)[];
  modules?: Module[];
}

/** The parts of webpack's statistics that are used here. */
export interface Statistics {
  modules?: Module[];
}

/**
 * The licences of all packages in a bundle, from webpack's statistics: the packages' names, the licence's identifier
 * and its text. Packages with the same text are grouped. The bundler's own list omits packages whose modules it has
 * merged.
 *
 * @throws Error for a package without a licence.
 */
export function licencesOf({ modules = [] }: Statistics): string {
  const bundled = modules.filter(({ chunks }) => chunks === undefined || chunks.length > 0);
  const folders = new Set(filesOf(bundled).map(packageFolder));
  const licences = new Map<string, Set<string>>();
  for (const folder of folders) {
    if (folder === undefined) continue;
    const { name, licence } = describe(folder);
    licences.set(licence, (licences.get(licence) ?? new Set()).add(name));
  }
  return [...licences]
    .map(([licence, names]) => `${[...names].sort().join('\n')}\n${licence}`)
    .sort()
    .join('\n');
}

function filesOf(modules: readonly Module[]): string[] {
  return modules.flatMap(({ nameForCondition, identifier, modules: merged = [] }) => [
    nameForCondition ?? identifier ?? '',
    ...filesOf(merged),
  ]);
}

/** The nearest parent folder that is a package with a name: packages contain nameless ones to set their type. */
function packageFolder(file: string): string | undefined {
  if (!file.includes('/node_modules/')) return undefined;
  for (let folder = dirname(file); folder.includes('/node_modules/'); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && 'version' in JSON.parse(readFileSync(manifest, 'utf8'))) return folder;
  }
  return undefined;
}

function describe(folder: string): { name: string; licence: string } {
  const { name, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    license?: string;
  };
  if (license === undefined) throw new Error(`package ${name} has no licence`);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file === undefined ? '' : `${readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()}\n`;
  return { name, licence: `${license}\n${text}` };
}
