import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { ecrRegistry, parseReference } from '../../src/images/registry/reference.ts';
import { ImportError } from './error.ts';
import { rendered, unknownFunction } from './go-template.ts';
import { isPlainSecret } from './settings.ts';
import { at, entriesOf, itemsOf, parseText, Source, type SourceNode, textOf } from './source.ts';
import { definitionIn, mainContainer } from './task-definition.ts';
import { type ExistingUnit, slugOf } from './unit.ts';

/** A configuration file of ecspresso, for one environment. */
export interface EcspressoFile {
  file: string;
  environment: string;
  account: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
}

/** Settings of ecspresso itself. */
const TOOL_SETTINGS: Readonly<Record<string, string>> = {
  timeout: 'The input timeout of update-service and deploy-environment has its own default.',
  required_version: 'The version of an action is in its `uses`.',
  plugins: 'Template functions are not needed, because the service keeps its values.',
  ignore: 'Only the image changes. The service and its tasks keep their tags.',
  filter_command: 'A setting of ecspresso.',
  codedeploy: 'CODE_DEPLOY is not supported. See docs/migrate/codedeploy.md.',
  appspec: 'CODE_DEPLOY is not supported. See docs/migrate/codedeploy.md.',
};

/**
 * An existing service, from the ecspresso configuration of each environment.
 *
 * @see https://github.com/kayac/ecspresso#configuration-file
 * @throws ImportError for files in Jsonnet, services of CodeDeploy, and names that are known only when ecspresso
 * runs.
 */
export function importEcspresso(files: readonly EcspressoFile[]): ExistingUnit[] {
  const units = new Map<string, ExistingUnit>();
  for (const file of files) {
    const { name, environment, sources } = readConfiguration(file);
    const known = units.get(name);
    units.set(name, {
      name,
      kind: 'ecspresso',
      environments: { ...known?.environments, [file.environment]: environment },
      sources: [...(known?.sources ?? []), ...sources],
      advice: (path) => TOOL_SETTINGS[path.replace(/[.[].*/, '')] ?? 'Has no counterpart in platform.yml.',
    });
  }
  return [...units.values()];
}

function readConfiguration({ file, environment, account: given, env }: EcspressoFile) {
  const source = new Source(file, parseText(textOfFile(file, env), file));
  const known = (key: string, fallback?: string): string =>
    knownText(source, key) ?? fallback ?? missing(file, key);
  const cluster = known('cluster', 'default');
  const service = known('service');
  const region = known('region', env['AWS_REGION']);
  for (const key of ['cluster', 'service', 'region'])
    source.take(at(source.root, key), `environments: ${key}`);
  const below = (key: string): Source => {
    const path = join(dirname(file), known(key));
    source.take(at(source.root, key), path);
    return new Source(path, parseText(textOfFile(path, env), path));
  };
  const tasks = below('task_definition');
  const definition = definitionIn(tasks);
  const main = mainContainer(definition, tasks);
  const image = repositoryOf(main, tasks);
  const account = given ?? image.account;
  if (account === undefined) {
    throw new ImportError(
      `${file}: cannot determine the account. Fix: add --account ${environment}=<twelve digits>.`,
    );
  }
  const others = at(source.root, 'service_definition') ? [below('service_definition')] : [];
  for (const one of others) keepService(one);
  const hasOthers = itemsOf(at(definition, 'containerDefinitions')).length > 1;
  keepTask(main, tasks);
  if (hasOthers) tasks.take(at(main, 'name'), 'environments: container');
  const container = textOf(at(main, 'name'));
  const isOwn = image.account === account && image.region === region;
  return {
    name: slugOf(service),
    sources: [source, tasks, ...others],
    environment: {
      account,
      region,
      place: {
        cluster,
        service,
        repository: isOwn ? image.path : image.name,
        ...(hasOthers && container !== undefined && { container }),
      },
    },
  };
}

function textOfFile(file: string, env: EcspressoFile['env']): string {
  if (['.jsonnet', '.libsonnet'].includes(extname(file))) {
    throw new ImportError(
      `${file}: cannot evaluate Jsonnet. Fix: write the output of "ecspresso render" to a JSON file and import that.`,
    );
  }
  try {
    return rendered(readFileSync(file, 'utf8'), file, env);
  } catch (error) {
    if (error instanceof ImportError) throw error;
    throw new ImportError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** A value that must be known at import. */
function knownText(source: Source, key: string): string | undefined {
  const text = textOf(at(source.root, key));
  const unknown = unknownFunction(text ?? '');
  if (unknown === undefined) return text;
  const [name = '', variable = ''] = unknown.split(' ');
  throw new ImportError(
    name === 'must_env'
      ? `${source.file}: ${key}: the environment variable ${variable} is not set. Fix: set it for the import, as for ecspresso.`
      : `${source.file}: ${key}: cannot evaluate {{ ${name} }}. Fix: import the output of "ecspresso render config".`,
  );
}

function missing(file: string, key: string): never {
  throw new ImportError(`${file}: ${key}: expected a value, got none`);
}

/** The repository of the main container's image. Its tag is not needed and may be unknown. */
function repositoryOf(main: SourceNode, source: Source) {
  const node = at(main, 'image');
  const image = (textOf(node) ?? '').replace(/[:@]⟦[^⟧]*⟧$/, '');
  const unknown = unknownFunction(image);
  const reference = unknown === undefined ? parseReference(image) : undefined;
  if (!reference) {
    throw new ImportError(
      `${source.file}: ${node?.path ?? 'image'}: expected an image whose repository is known${unknown === undefined ? '' : `, got {{ ${unknown.split(' ')[0] ?? ''} }}`}`,
    );
  }
  source.take(node, 'environments: repository');
  return { ...ecrRegistry(reference.registry), path: reference.path, name: reference.name };
}

/** The service exists, so it keeps all values of its definition. */
function keepService(source: Source): void {
  const controller = at(source.root, 'deploymentController', 'type');
  if ((textOf(controller) ?? 'ECS') !== 'ECS') {
    throw new ImportError(
      `${source.file}: ${controller?.path ?? ''}: expected ECS, got ${JSON.stringify(textOf(controller))}. Fix: see docs/migrate/codedeploy.md.`,
    );
  }
  source.keep(source.root, 'the service');
}

/** A release changes the image of the main container and keeps the rest of the running revision. */
function keepTask(main: SourceNode, source: Source): void {
  for (const node of itemsOf(at(main, 'environment'))) {
    const [name, value] = [textOf(at(node, 'name')) ?? '', at(node, 'value')];
    if (value && isPlainSecret(source, value, name, textOf(value) ?? '')) {
      source.remark(
        value,
        `${name} looks like a secret. Store it in Secrets Manager and read it with secrets.`,
      );
    }
  }
  const keep = (node: SourceNode): void => {
    if (node === at(main, 'image')) return;
    if (node.kind === 'map') for (const [, each] of entriesOf(node)) keep(each);
    else if (node.kind === 'list') for (const each of node.items) keep(each);
    else source.keep(node, 'the running revision');
  };
  keep(source.root);
}
