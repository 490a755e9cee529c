import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { parseManifest } from '../../src/environment/manifest/manifest.ts';
import { type CopilotManifest, environmentsIn, importCopilot } from './copilot.ts';
import { importEcspresso } from './ecspresso.ts';
import { ImportError } from './error.ts';
import { type ImportedEnvironment, platformFiles } from './platform.ts';
import { reportOf } from './report.ts';
import { parseText, Source } from './source.ts';
import { importTaskDefinition, placeOf } from './task-definition.ts';
import type { ExistingUnit, Unit } from './unit.ts';

const USAGE =
  'usage: npm run import -- copilot|ecspresso|task-definition [ENVIRONMENT=]FILE… [--out DIR] [--project NAME] [--region REGION] [--account ENVIRONMENT=ID]… [--paths PATTERN,…]';

const SOURCES = ['copilot', 'ecspresso', 'task-definition'] as const;
const DEFAULT_ENVIRONMENT = 'prod';
/** A placeholder that platform.yml accepts, but that is no real account: it must be replaced before a deployment. */
const NO_ACCOUNT = '000000000000';

interface Imported {
  units: readonly Unit[];
  existing: readonly ExistingUnit[];
  environments: Readonly<Record<string, Partial<ImportedEnvironment>>>;
  project?: string;
}

/** The result of an import: the files by name, and the report. */
export interface ImportResult {
  files: Readonly<Record<string, string>>;
  report: string;
}

type Options = ReturnType<typeof optionsOf>;

/** Runs an import. @throws ImportError for arguments, files and values that cannot be imported. */
export function runImport(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ImportResult {
  const options = optionsOf(args);
  const imported = readSources(options, env);
  const regions = Object.values(imported.environments).flatMap(({ region: one }) => one ?? []);
  const region = options.region ?? regions[0] ?? env['AWS_REGION'];
  if (region === undefined) throw new ImportError('--region: expected a region such as eu-west-1, got none');
  const project = options.project ?? imported.project;
  if (project === undefined) throw new ImportError('--project: expected the name of the project, got none');
  const environments = Object.fromEntries(
    Object.entries(imported.environments).map(([name, known]) => [
      name,
      { ...known, account: options.accounts[name] ?? known.account ?? NO_ACCOUNT },
    ]),
  );
  const { files, conflicts } = platformFiles({ ...imported, project, region, environments });
  parseManifest(files['platform.yml'] ?? '', 'platform.yml');
  const accounts = Object.entries(environments)
    .filter(([, { account }]) => account === NO_ACCOUNT)
    .map(([name]) => `environments.${name}.account: replace ${NO_ACCOUNT} with the account`);
  const report = reportOf([...imported.units, ...imported.existing], [...conflicts, ...accounts]);
  if (options.out !== undefined) writeFiles(options.out, files);
  return { files, report };
}

function optionsOf(args: readonly string[]) {
  const { values, positionals } = parsedArguments(args);
  const [kind, ...files] = positionals;
  const source = SOURCES.find((known) => known === kind);
  if (source === undefined || files.length === 0) throw new ImportError(USAGE);
  const accounts = (values.account ?? []).map((text) => {
    const [, name, account] = /^([a-z0-9-]+)=(\d{12})$/.exec(text) ?? [];
    if (name === undefined || account === undefined) {
      throw new ImportError(`--account: expected ENVIRONMENT=<twelve digits>, got ${JSON.stringify(text)}`);
    }
    return [name, account] as const;
  });
  return {
    source,
    files: files.map(fileOf),
    accounts: Object.fromEntries(accounts) as Record<string, string>,
    paths: values.paths?.split(',') ?? [],
    out: values.out,
    project: values.project,
    region: values.region,
  };
}

function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        out: { type: 'string' },
        project: { type: 'string' },
        region: { type: 'string' },
        account: { type: 'string', multiple: true },
        paths: { type: 'string' },
      },
    });
  } catch (error) {
    throw new ImportError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function fileOf(text: string): { environment?: string; file: string } {
  const [, environment, file] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(text) ?? [];
  return environment === undefined || file === undefined ? { file: text } : { environment, file };
}

function readSources(options: Options, env: Readonly<Record<string, string | undefined>>): Imported {
  if (options.source === 'copilot') return readCopilot(options);
  return options.source === 'ecspresso' ? readEcspresso(options, env) : readTaskDefinitions(options);
}

function readCopilot({ files, accounts }: Options): Imported {
  const sources = files.map(({ file }) => readSource(file));
  const names = [...new Set([...sources.flatMap(environmentsIn), ...Object.keys(accounts)])];
  if (names.length === 0) {
    throw new ImportError(
      '--account: expected ENVIRONMENT=<twelve digits>, because no manifest has an environment',
    );
  }
  const applications = [...new Set(files.flatMap(({ file }) => applicationOf(file) ?? []))];
  const [application = ''] = applications;
  const manifests = sources.map((source): CopilotManifest => ({ source, application, environments: names }));
  return {
    units: importCopilot(manifests),
    existing: [],
    environments: Object.fromEntries(names.map((name) => [name, {}])),
    ...(application !== '' && { project: application }),
  };
}

/**
 * The application of a manifest's workspace.
 *
 * @see https://aws.github.io/copilot-cli/docs/concepts/applications/ "copilot/.workspace"
 */
function applicationOf(manifest: string): string | undefined {
  const file = join(dirname(dirname(manifest)), '.workspace');
  if (!existsSync(file)) return undefined;
  const { application } = (parse(readFileSync(file, 'utf8')) ?? {}) as { application?: unknown };
  return typeof application === 'string' ? application : undefined;
}

function readEcspresso(
  { files, accounts }: Options,
  env: Readonly<Record<string, string | undefined>>,
): Imported {
  const existing = importEcspresso(
    files.map(({ file, environment = DEFAULT_ENVIRONMENT }) => ({
      file,
      environment,
      account: accounts[environment],
      env,
    })),
  );
  const environments = existing.flatMap((unit) => Object.entries(unit.environments));
  return {
    units: [],
    existing,
    environments: Object.fromEntries(
      environments.map(([name, { account, region }]) => [name, { account, region }]),
    ),
    ...(existing[0] && { project: existing[0].name }),
  };
}

function readTaskDefinitions({ files, paths }: Options): Imported {
  const read = files.map(({ file, environment = DEFAULT_ENVIRONMENT }) => ({
    source: readSource(file),
    environment,
    paths,
  }));
  const units = read.map(importTaskDefinition);
  return {
    units,
    existing: [],
    environments: Object.fromEntries(
      read.map(({ source, environment }) => [environment, placeOf(source) ?? {}]),
    ),
    ...(units[0] && { project: units[0].name }),
  };
}

function readSource(file: string): Source {
  try {
    return new Source(file, parseText(readFileSync(file, 'utf8'), file));
  } catch (error) {
    if (error instanceof ImportError) throw error;
    throw new ImportError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  const existing = Object.keys(files).filter((file) => existsSync(join(folder, file)));
  if (existing.length > 0) {
    throw new ImportError(
      `--out: ${existing.join(', ')} already exists in ${folder}. Fix: use an empty folder, then merge the entries.`,
    );
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}
