import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

const DOMAINS = ['core', 'aws', 'github', 'cloudformation', 'images', 'ecs', 'delivery', 'environment'];
const SANDBOX = 'sandbox';

/**
 * The folders that files of a folder may import in addition to their own; folders of src by name. The sandbox imports
 * nothing from src, so that they cannot share a mistake. Only rehearse imports the sandbox.
 */
const ALLOWED: Record<string, readonly string[]> = {
  'src/core': [],
  'src/aws': ['core'],
  'src/github': ['core'],
  'src/cloudformation': ['core', 'aws'],
  'src/images': ['core', 'aws'],
  'src/ecs': ['core', 'aws'],
  'src/delivery': ['core', 'aws', 'github', 'images', 'ecs'],
  'src/environment': ['core', 'aws', 'github', 'cloudformation', 'images', 'ecs', 'delivery'],
  'src/rehearse': ['core', 'github', 'cloudformation', 'delivery', 'environment', SANDBOX],
  'src/present': [...DOMAINS, 'rehearse'],
  actions: [...DOMAINS, 'rehearse', 'present'],
  sandbox: [],
};

interface Import {
  specifier: string;
  line: number;
}

/** The relative imports of a file: values and types, re-exports, and `import()` of a constant. */
function relativeImports(path: string): Import[] {
  const text = readFileSync(path, 'utf8');
  const { staticImports, staticExports, dynamicImports } = parseSync(path, text).module;
  const requests = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest),
    ...staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest)),
    ...dynamicImports.map(({ moduleRequest }) => moduleRequest),
  ];
  return requests
    .filter((request) => request !== null)
    .map(({ start, end }) => ({
      specifier: text.slice(start + 1, end - 1),
      line: text.slice(0, start).split('\n').length,
    }))
    .filter(({ specifier }) => specifier.startsWith('.'));
}

/** The folder that a rule applies to: two levels deep in src, one elsewhere. */
function areaOf(path: string): string {
  const parts = path.split(sep);
  return parts.slice(0, parts[0] === 'src' ? 2 : 1).join('/');
}

/** The forbidden imports of files in `src`, `actions` and `sandbox`. */
export function findForbiddenImports(root: string): string[] {
  return ['src', 'actions', 'sandbox'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .flatMap((entry) => forbiddenImportsOf(root, relative(root, join(entry.parentPath, entry.name)))),
  );
}

function forbiddenImportsOf(root: string, file: string): string[] {
  const area = areaOf(file);
  const allowed = ALLOWED[area] ?? [];
  const reachable = [area, ...allowed.map((name) => (name === SANDBOX ? name : `src/${name}`))];
  return relativeImports(join(root, file))
    .filter(({ specifier }) => {
      const target = resolve(root, dirname(file), specifier);
      return !reachable.includes(areaOf(relative(resolve(root), target)));
    })
    .map(
      ({ specifier, line }) =>
        `${file}:${line}: '${specifier}' is a forbidden import: ${area} may import ${allowed.length > 0 ? `only ${allowed.join(', ')}` : 'no other folder'}.`,
    );
}
