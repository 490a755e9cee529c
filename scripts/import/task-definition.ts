import { ecrRegistry, parseReference } from '../../src/images/registry/reference.ts';
import { taskDefinitionAdvice } from './advice.ts';
import { ImportError } from './error.ts';
import { SettingsReader } from './settings.ts';
import { at, itemsOf, type Source, type SourceNode, textOf, textsOf } from './source.ts';
import { readTemplate } from './template.ts';
import { slugOf, type Unit } from './unit.ts';

/** A task definition, from `aws ecs describe-task-definition` or in the format of `register-task-definition`. */
export interface TaskDefinitionFile {
  source: Source;
  environment: string;
  /** Path patterns of the service. Without any, it is a worker. */
  paths: readonly string[];
}

/** The keys that DescribeTaskDefinition adds and RegisterTaskDefinition rejects. */
const READ_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
];

/** The task definition, with or without the outer key. */
export function definitionIn({ root }: Source): SourceNode {
  return at(root, 'taskDefinition') ?? root;
}

/** The account and region of a task definition that ECS has described. */
export function placeOf(source: Source): { account: string; region: string } | undefined {
  const arn = textOf(at(definitionIn(source), 'taskDefinitionArn'));
  const [, region, account] = /^arn:aws[\w-]*:ecs:([a-z0-9-]+):(\d{12}):/.exec(arn ?? '') ?? [];
  return region !== undefined && account !== undefined ? { account, region } : undefined;
}

/**
 * The container with the image of the service: the only one, the one with the name of the family, or the only
 * essential one with a port.
 *
 * @throws ImportError if it is ambiguous.
 */
export function mainContainer(definition: SourceNode, source: Source): SourceNode {
  const containers = itemsOf(at(definition, 'containerDefinitions'));
  const [first, ...others] = containers;
  if (!first) throw new ImportError(`${source.file}: containerDefinitions: expected at least one container`);
  const family = textOf(at(definition, 'family'));
  const named = containers.find((each) => textOf(at(each, 'name')) === family);
  const withPort = containers.filter((each) => at(each, 'portMappings')?.kind === 'list');
  const found = others.length === 0 ? first : (named ?? (withPort.length === 1 ? withPort[0] : undefined));
  if (!found) {
    throw new ImportError(
      `${source.file}: containerDefinitions: expected one container, one with the name of the family, or one with portMappings`,
    );
  }
  return found;
}

/**
 * A service from its task definition.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
 */
export function importTaskDefinition({ source, environment, paths }: TaskDefinitionFile): Unit {
  const definition = definitionIn(source);
  for (const key of READ_ONLY) source.readOnly(at(definition, key));
  for (const node of itemsOf(at(source.root, 'tags'))) source.refuse(node, 'Set tags in platform.yml.');
  const family = textOf(at(definition, 'family'));
  if (family === undefined)
    throw new ImportError(`${source.file}: family: expected the name of the task definition`);
  source.take(at(definition, 'family'), 'the name of the entry');
  const template = readTemplate('templates/fargate.yml');
  const reader = new SettingsReader(source, template);
  const main = mainContainer(definition, source);
  readTask(definition, source, reader);
  const { entry, architecture } = entryOf(definition, main, source, paths);
  reader.settings.parameters['Architecture'] = architecture;
  readContainer(main, family, source, reader);
  const [command, entryPoint] = ['command', 'entryPoint'].map((key) => {
    const words = textsOf(at(main, key));
    if (words) source.take(at(main, key), key === 'command' ? 'Command' : 'EntryPoint');
    return words;
  });
  return {
    name: slugOf(family),
    section: 'services',
    kind: 'task definition',
    template: template.file,
    entry,
    settings: { [environment]: reader.settings },
    ...(command && { command }),
    ...(entryPoint && { entryPoint }),
    stacks: {},
    sources: [source],
    advice: taskDefinitionAdvice,
  };
}

function readTask(definition: SourceNode, source: Source, reader: SettingsReader): void {
  reader.parameter(at(definition, 'cpu'), 'Cpu', { absent: '256' });
  reader.parameter(at(definition, 'memory'), 'Memory', { absent: '512' });
  Object.assign(reader.settings.parameters, {
    MinTasks: '1',
    MaxTasks: '1',
    Capacity: 'on-demand',
    LogRetentionDays: '30',
  });
  const isEqual = (node: SourceNode | undefined, value: string): void => {
    if (textOf(node) === value) source.same(node, 'the template');
  };
  isEqual(at(definition, 'networkMode'), 'awsvpc');
  isEqual(at(definition, 'runtimePlatform', 'operatingSystemFamily'), 'LINUX');
  const launch = at(definition, 'requiresCompatibilities');
  for (const node of itemsOf(launch)) isEqual(node, 'FARGATE');
  for (const key of ['volumes', 'placementConstraints']) sameIfEmpty(at(definition, key), source);
}

function entryOf(
  definition: SourceNode,
  main: SourceNode,
  source: Source,
  paths: readonly string[],
): { entry: Record<string, unknown>; architecture: string } {
  const architectureNode = at(definition, 'runtimePlatform', 'cpuArchitecture');
  const architecture = textOf(architectureNode) === 'ARM64' ? 'ARM64' : 'X86_64';
  if (['ARM64', 'X86_64'].includes(textOf(architectureNode) ?? ''))
    source.take(architectureNode, 'Architecture');
  const family = textOf(at(definition, 'family')) ?? '';
  const platforms = architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64';
  const port = portOf(main, source, paths);
  return {
    architecture,
    entry: {
      path: `services/${slugOf(family)}`,
      ...imageOf(at(main, 'image'), source, platforms),
      ...(port !== undefined && { port }),
      ...(paths.length > 0 && { paths: [...paths] }),
    },
  };
}

/** An image in ECR is built by the release; an image of another registry is copied to ECR. */
function imageOf(node: SourceNode | undefined, source: Source, platforms: string): Record<string, unknown> {
  const image = textOf(node);
  const reference = image === undefined ? undefined : parseReference(image);
  if (!reference) return { build: { platforms } };
  if (ecrRegistry(reference.registry)) {
    if (node)
      source.refuse(
        node,
        'The image is pushed to <project>/<service>, the only repository that the template can pull from.',
      );
    return { build: { platforms } };
  }
  source.take(node, 'build.from');
  return { build: { from: image, platforms } };
}

function portOf(main: SourceNode, source: Source, paths: readonly string[]): number | undefined {
  const [mapping, ...others] = itemsOf(at(main, 'portMappings'));
  const node = at(mapping, 'containerPort');
  const port = Number(textOf(node));
  if (!mapping || others.length > 0 || paths.length === 0) return undefined;
  if (textOf(at(mapping, 'hostPort')) === textOf(node)) source.same(at(mapping, 'hostPort'), 'awsvpc');
  if (textOf(at(mapping, 'protocol')) === 'tcp') source.same(at(mapping, 'protocol'), 'the template');
  if (!(port >= 1024 && port <= 65_535)) {
    if (node) source.refuse(node, 'port accepts 1024 to 65535, because tasks do not run as root.');
    return undefined;
  }
  source.take(node, 'port');
  return port;
}

function readContainer(main: SourceNode, family: string, source: Source, reader: SettingsReader): void {
  const name = at(main, 'name');
  if (textOf(name) === family) source.same(name, 'the container has the name of the service');
  else if (name) source.refuse(name, 'The container gets the name of the service.');
  if (textOf(at(main, 'essential')) === 'true') source.same(at(main, 'essential'), 'the template');
  if (textOf(at(main, 'cpu')) === '0') source.same(at(main, 'cpu'), 'no limit below that of the task');
  if (textOf(at(main, 'readonlyRootFilesystem')) === 'true') {
    source.same(at(main, 'readonlyRootFilesystem'), 'the template');
  }
  for (const key of [
    'mountPoints',
    'volumesFrom',
    'systemControls',
    'environment',
    'secrets',
    'portMappings',
  ]) {
    sameIfEmpty(at(main, key), source);
  }
  for (const node of itemsOf(at(main, 'environment'))) {
    const [name, value] = [at(node, 'name'), at(node, 'value')];
    const [nameText, text] = [textOf(name), textOf(value) ?? ''];
    if (name && value && nameText !== undefined) reader.variable(value, nameText, text, [name, value]);
  }
  for (const node of itemsOf(at(main, 'secrets'))) {
    const [name, from] = [at(node, 'name'), at(node, 'valueFrom')];
    const [nameText, reference] = [textOf(name), textOf(from)];
    if (!name || !from || nameText === undefined || reference === undefined) continue;
    const service = reference.includes(':secretsmanager:') ? 'secretsmanager' : 'ssm';
    reader.secret([name, from], nameText, service, reference);
  }
  const command = at(main, 'healthCheck', 'command');
  const words = textsOf(command);
  if (words?.every((word) => !word.includes(','))) {
    reader.settings.parameters['HealthCommand'] = words.join(',');
    source.take(command, 'HealthCommand');
  }
}

function sameIfEmpty(node: SourceNode | undefined, source: Source): void {
  if (node?.kind === 'empty' || (node?.kind === 'leaf' && node.value === null)) source.same(node, 'none');
}
