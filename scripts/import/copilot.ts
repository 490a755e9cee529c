import { dirname, join, posix } from 'node:path';

import { ImportError } from './error.ts';
import { millisecondsOf, scheduleExpression, secondsOf } from './time.ts';
import { isPlainSecret, SettingsReader } from './settings.ts';
import {
  at,
  entriesOf,
  leavesOf,
  overlaid,
  type Source,
  type SourceNode,
  textOf,
  textsOf,
} from './source.ts';
import { readTemplate, type Template } from './template.ts';
import { token, type Settings, type Unit } from './unit.ts';
import { parseSource } from '../../src/images/registry/reference.ts';
import { copilotAdvice } from './advice.ts';

const TYPES = ['Load Balanced Web Service', 'Backend Service', 'Worker Service', 'Scheduled Job'] as const;
type CopilotType = (typeof TYPES)[number];

/** A manifest of AWS Copilot and its context. */
export interface CopilotManifest {
  source: Source;
  /** From `copilot/.workspace`. */
  application: string;
  /** The environments of the manifest and of the command line. */
  environments: readonly string[];
}

/** A manifest as it was read, before scheduled jobs are assigned to a service's image. */
interface Reading {
  manifest: CopilotManifest;
  type: CopilotType;
  name: string;
  template: Template;
}

/** Copilot's default. */
const HEALTH_CHECK_PATH = '/';

/** The environments that a manifest overrides values for. */
export function environmentsIn(source: Source): string[] {
  return entriesOf(at(source.root, 'environments')).map(([name]) => name);
}

/**
 * Services and scheduled tasks from manifests of AWS Copilot.
 *
 * @see https://aws.github.io/copilot-cli/docs/manifest/overview/
 * @throws ImportError for a manifest of another type, and for a job whose image no service builds.
 */
export function importCopilot(manifests: readonly CopilotManifest[]): Unit[] {
  const readings = manifests.map(readType);
  const services = readings.filter(({ type }) => type !== 'Scheduled Job');
  return readings.map((reading) =>
    reading.type === 'Scheduled Job' ? jobOf(reading, services) : serviceOf(reading),
  );
}

function readType(manifest: CopilotManifest): Reading {
  const { source } = manifest;
  const [nameNode, typeNode] = [at(source.root, 'name'), at(source.root, 'type')];
  const name = textOf(nameNode);
  const type = TYPES.find((known) => known === textOf(typeNode));
  if (type === undefined) {
    throw new ImportError(
      `${source.file}: type: expected ${TYPES.join(', ')}, got ${JSON.stringify(textOf(typeNode) ?? null)}`,
    );
  }
  if (name === undefined) throw new ImportError(`${source.file}: name: expected the name of the service`);
  source.take(nameNode, 'the name of the entry');
  source.take(typeNode, 'the kind of the entry');
  const file = type === 'Scheduled Job' ? 'templates/scheduled-task.yml' : 'templates/fargate.yml';
  return { manifest, type, name, template: readTemplate(file) };
}

function serviceOf({ manifest, type, name, template }: Reading): Unit {
  const { source } = manifest;
  const { root } = source;
  const paths = type === 'Load Balanced Web Service' ? pathsOf(source) : undefined;
  const port = at(root, 'image', 'port');
  const isWeb = paths !== undefined;
  const portNumber = Number(textOf(port));
  const hasPort = isWeb && Number.isInteger(portNumber) && portNumber >= 1024;
  if (port && hasPort) source.take(port, 'port');
  if (port && !hasPort) {
    source.refuse(
      port,
      isWeb
        ? 'port accepts 1024 to 65535, because tasks do not run as root.'
        : 'A service without paths gets no requests. Paths make it public: add them only if this is intended.',
    );
  }
  const queue = type === 'Worker Service' ? queueOf(source, name) : undefined;
  return {
    name,
    section: 'services',
    kind: type,
    template: template.file,
    entry: { ...buildOf(source), ...(hasPort && { port: portNumber }), ...(paths && { paths }) },
    settings: settingsOf(manifest, (node) =>
      readService(node, manifest, template, { isWeb, receives: queue && name }),
    ),
    ...commandsOf(source),
    stacks: queue ? { [`${name}-queue`]: queue } : {},
    sources: [source],
    advice: copilotAdvice,
  };
}

/** A stack for a scheduled command, in the image of the service with the same build. */
function jobOf({ manifest, name, template }: Reading, services: readonly Reading[]): Unit {
  const { source } = manifest;
  const image = JSON.stringify(imageOf(source));
  const [owner, ...others] = services.filter(
    (each) => JSON.stringify(imageOf(each.manifest.source)) === image,
  );
  if (!owner || others.length > 0) {
    throw new ImportError(
      `${source.file}: image: a scheduled task runs a command in the image of a service, but ${owner ? 'more than one' : 'none'} of the imported services has this image. Fix: import it together with the manifest of the service that builds the same image, or add the program of the job to the image of a service.`,
    );
  }
  for (const key of ['build', 'location'])
    source.take(at(source.root, 'image', key), `service: ${owner.name}`);
  if (at(source.root, 'command') === undefined) {
    throw new ImportError(
      `${source.file}: command: expected the command of the job, because it runs in the image of ${owner.name}`,
    );
  }
  return {
    name,
    section: 'stacks',
    kind: 'Scheduled Job',
    template: template.file,
    entry: { service: owner.name },
    settings: settingsOf(manifest, (node) => readJob(node, manifest, template)),
    stacks: {},
    sources: [source],
    advice: copilotAdvice,
  };
}

function imageOf({ root }: Source): unknown {
  return leavesOf(at(root, 'image') ?? root)
    .filter(({ path }) => /^image\.(?:build|location)\b/.test(path))
    .map(({ path, value }) => [path.replace(/\.dockerfile$/, ''), value]);
}

/** The settings of each environment, from the manifest with the environment's own values over it. */
function settingsOf(
  { source, environments }: CopilotManifest,
  read: (node: SourceNode) => Settings,
): Record<string, Settings> {
  const settings = environments.map((environment) => {
    const over = at(source.root, 'environments', environment);
    const isEmpty = over !== undefined && over.kind !== 'map';
    if (isEmpty) source.take(over, `environments: ${environment}`);
    return [environment, read(over && !isEmpty ? overlaid(source.root, over) : source.root)] as const;
  });
  return Object.fromEntries(settings);
}

function readService(
  node: SourceNode,
  manifest: CopilotManifest,
  template: Template,
  { isWeb, receives }: { isWeb: boolean; receives: string | undefined },
): Settings {
  const { source } = manifest;
  const reader = new SettingsReader(source, template);
  readTask(node, manifest, reader);
  readCount(node, source, reader);
  reader.parameter(at(node, 'exec'), 'Exec');
  reader.parameter(at(node, 'deployment', 'rolling'), 'Strategy', {
    convert: (text) => (text === 'default' ? 'ROLLING' : undefined),
  });
  reader.parameter(at(node, 'observability', 'tracing'), 'Tracing', {
    convert: (text) => (text === 'awsxray' ? 'true' : undefined),
  });
  const command = at(node, 'image', 'healthcheck', 'command');
  const words = plainTextsOf(command);
  if (command && words?.every((word) => !word.includes(','))) {
    reader.settings.parameters['HealthCommand'] = words.join(',');
    source.take(command, 'HealthCommand');
  }
  if (isWeb) readRoute(node, source, reader);
  if (receives !== undefined) reader.settings.parameters['ReceivesFrom'] = receives;
  return reader.settings;
}

function readRoute(node: SourceNode, source: Source, reader: SettingsReader): void {
  const check = at(node, 'http', 'healthcheck');
  const path = check?.kind === 'leaf' ? check : at(check, 'path');
  reader.parameter(path, 'HealthCheckPath', { absent: HEALTH_CHECK_PATH });
  reader.parameter(at(check, 'grace_period'), 'HealthCheckGraceSeconds', { convert: secondsOf });
  reader.parameter(at(node, 'http', 'deregistration_delay'), 'DrainSeconds', { convert: secondsOf });
  if (textOf(at(node, 'http', 'redirect_to_https')) === 'true') {
    source.same(at(node, 'http', 'redirect_to_https'), 'templates/cluster.yml');
  }
  if (textOf(at(node, 'http', 'version')) === 'http1')
    source.same(at(node, 'http', 'version'), 'the template');
}

/**
 * @see https://aws.github.io/copilot-cli/docs/manifest/lb-web-service/#count "If your service scales to 3 or higher, the
 *   third and any additional copies will be placed on Spot"
 */
function readCount(node: SourceNode, source: Source, reader: SettingsReader): void {
  const count = at(node, 'count');
  const range = at(count, 'range');
  const bounds = /^(\d+)-(\d+)$/.exec(textOf(range) ?? '');
  const { parameters } = reader.settings;
  Object.assign(parameters, { MinTasks: '1', MaxTasks: '1', Capacity: 'on-demand' });
  if (bounds?.[1] !== undefined && bounds[2] !== undefined && range) {
    Object.assign(parameters, { MinTasks: bounds[1], MaxTasks: bounds[2] });
    source.take(range, 'MinTasks, MaxTasks');
  } else {
    reader.parameter(at(range, 'min'), 'MinTasks');
    reader.parameter(at(range, 'max'), 'MaxTasks');
  }
  const fixed = count?.kind === 'leaf' ? count : at(count, 'spot');
  for (const parameter of ['MinTasks', 'MaxTasks']) reader.parameter(fixed, parameter);
  if (fixed && fixed !== count) parameters['Capacity'] = 'spot';
  const spotFrom = Number(textOf(at(range, 'spot_from')));
  if (spotFrom >= 1) {
    parameters['Capacity'] = spotFrom === 1 ? 'spot' : 'mixed';
    if (spotFrom > 1) parameters['OnDemandTasks'] = String(spotFrom - 1);
    source.take(at(range, 'spot_from'), 'Capacity, OnDemandTasks');
  }
  for (const [key, parameter] of Object.entries(SCALING)) {
    const target = at(count, key);
    reader.parameter(target?.kind === 'leaf' ? target : at(target, 'value'), parameter);
  }
  readQueueDelay(count, source, reader);
}

const SCALING = {
  cpu_percentage: 'TargetCpuPercent',
  memory_percentage: 'TargetMemoryPercent',
  requests: 'RequestsPerTask',
};

/**
 * @see https://aws.github.io/copilot-cli/docs/manifest/worker-service/#count-queue-delay "The acceptable backlog per task
 *   is calculated by dividing `acceptable_latency` by `msg_processing_time`."
 */
function readQueueDelay(count: SourceNode | undefined, source: Source, reader: SettingsReader): void {
  const nodes = ['acceptable_latency', 'msg_processing_time'].map((key) => at(count, 'queue_delay', key));
  const [latency, processing] = nodes.map((node) => millisecondsOf(textOf(node) ?? ''));
  if (latency === undefined || processing === undefined || processing === 0 || latency < processing) return;
  reader.settings.parameters['MessagesPerTask'] = String(Math.floor(latency / processing));
  for (const node of nodes) source.take(node, 'MessagesPerTask');
}

function readJob(node: SourceNode, manifest: CopilotManifest, template: Template): Settings {
  const { source } = manifest;
  const reader = new SettingsReader(source, template);
  readTask(node, manifest, reader);
  const schedule = at(node, 'on', 'schedule');
  if (textOf(schedule) === 'none') {
    // A schedule that never runs still needs an expression, as in Copilot's own rule: "State: DISABLED".
    // @see https://github.com/aws/copilot-cli/blob/mainline/internal/pkg/template/templates/workloads/partials/cf/eventrule.yml
    Object.assign(reader.settings.parameters, { Schedule: 'rate(1 day)', ScheduleEnabled: 'false' });
    source.take(schedule, 'ScheduleEnabled');
  } else reader.parameter(schedule, 'Schedule', { convert: scheduleExpression });
  // Copilot's schedules are in UTC.
  reader.settings.parameters['TimeZone'] = 'UTC';
  const words = wordsOf(at(node, 'command'));
  if (words?.every((word) => !word.includes(','))) {
    reader.settings.parameters['Command'] = words.join(',');
    source.take(at(node, 'command'), 'Command');
  }
  return reader.settings;
}

/** The common parts of services and jobs. */
function readTask(node: SourceNode, manifest: CopilotManifest, reader: SettingsReader): void {
  const { source } = manifest;
  reader.parameter(at(node, 'cpu'), 'Cpu', { absent: '256' });
  reader.parameter(at(node, 'memory'), 'Memory', { absent: '512' });
  reader.parameter(at(node, 'logging', 'retention'), 'LogRetentionDays', { absent: '30' });
  readPlatform(at(node, 'platform'), reader);
  const placement = at(node, 'network', 'vpc', 'placement');
  if (textOf(placement) === 'private') source.same(placement, 'the tasks run in the private subnets');
  for (const [name, value] of entriesOf(at(node, 'variables'))) {
    const text = interpolated(textOf(value), manifest);
    if (text !== undefined) reader.variable(value, name, text);
  }
  for (const [name, value] of entriesOf(at(node, 'secrets'))) {
    const named = at(value, 'secretsmanager');
    const reference = interpolated(textOf(named ?? value), manifest);
    if (reference === undefined) continue;
    const service = named || reference.includes(':secretsmanager:') ? 'secretsmanager' : 'ssm';
    reader.secret([named ?? value], name, service, reference);
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  'linux/x86_64': 'X86_64',
  'linux/amd64': 'X86_64',
  'linux/arm64': 'ARM64',
};

function readPlatform(node: SourceNode | undefined, reader: SettingsReader): void {
  reader.parameter(node, 'Architecture', { absent: 'X86_64', convert: (text) => ARCHITECTURES[text] });
}

/**
 * A text with Copilot's variables replaced. Undefined if it contains a shell variable.
 *
 * @see https://aws.github.io/copilot-cli/docs/developing/manifest-env-var/ "COPILOT_APPLICATION_NAME",
 * "COPILOT_ENVIRONMENT_NAME"
 */
function interpolated(text: string | undefined, { application }: CopilotManifest): string | undefined {
  const value = text
    ?.replaceAll('${COPILOT_APPLICATION_NAME}', application)
    .replaceAll('${COPILOT_ENVIRONMENT_NAME}', token('Environment'));
  return value !== undefined && readsShell(value) ? undefined : value;
}

/**
 * The paths of the service, as in Copilot's listener rule. Undefined if the load balancer does not route to it.
 *
 * @see https://github.com/aws/copilot-cli/blob/mainline/internal/pkg/template/templates/workloads/partials/cf/https-listener.yml
 *   "/*" for the root, else "/${RulePath}" and "/${RulePath}/*"
 */
function pathsOf(source: Source): string[] | undefined {
  const http = at(source.root, 'http');
  if (textOf(http) === 'false') {
    source.take(http, 'no paths');
    return undefined;
  }
  const node = at(http, 'path');
  const path = textOf(node);
  if (path === undefined || readsShell(path)) return undefined;
  source.take(node, 'paths');
  const bare = path.replace(/^\/|\/$/g, '');
  return bare === '' ? ['/*'] : [`/${bare}`, `/${bare}/*`];
}

/**
 * @see https://aws.github.io/copilot-cli/docs/manifest/lb-web-service/#image-build "It will assume that the dirname of the
 *   string you specify should be the build context."
 */
function buildOf(source: Source): Record<string, unknown> {
  const image = at(source.root, 'image');
  const location = at(image, 'location');
  if (location) return { path: dirname(source.file), ...mirrorOf(location, source) };
  const build = at(image, 'build');
  const take = (node: SourceNode | undefined, target: string): string | undefined => {
    const text = textOf(node);
    if (text === undefined || readsShell(text)) return undefined;
    source.take(node, target);
    return posix.normalize(text).replace(/\/$/, '');
  };
  const dockerfile = take(build?.kind === 'map' ? at(build, 'dockerfile') : build, 'build.file');
  const given = take(at(build, 'context'), 'build.context');
  const context = given ?? dirname(dockerfile ?? 'Dockerfile');
  const file = dockerfile ?? join(context, 'Dockerfile');
  const path = dirname(file);
  const target = take(at(build, 'target'), 'build.target');
  const args = buildArgs(at(build, 'args'), source);
  const architecture = ARCHITECTURES[textOf(at(source.root, 'platform')) ?? 'linux/x86_64'];
  return {
    path,
    build: {
      ...(context !== path && { context }),
      ...(file !== join(path, 'Dockerfile') && { file }),
      platforms: architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64',
      ...(target !== undefined && { target }),
      ...(Object.keys(args).length > 0 && { 'build-args': args }),
    },
  };
}

/** The image that is mirrored to the service's repository. */
function mirrorOf(location: SourceNode, source: Source): Record<string, unknown> {
  const image = textOf(location) ?? '';
  if (parseSource(image) === undefined) {
    source.refuse(
      location,
      'Expected the name of an image, such as ghcr.io/org/app:1.2. Set it as build.from.',
    );
    return {};
  }
  source.take(location, 'build.from');
  return { build: { from: image } };
}

function buildArgs(node: SourceNode | undefined, source: Source): Record<string, string> {
  const args = entriesOf(node).flatMap(([name, value]) => {
    const text = textOf(value);
    if (text === undefined || readsShell(text) || isPlainSecret(source, value, name, text)) return [];
    source.take(value, 'build.build-args');
    return [[name, text] as const];
  });
  return Object.fromEntries(args);
}

/** The queue that Copilot creates for every worker, with its default timeout. */
function queueOf(source: Source, name: string): object {
  const queue = at(source.root, 'subscribe', 'queue');
  const reader = new SettingsReader(source, readTemplate('templates/queue.yml'));
  reader.settings.parameters['QueueName'] = name;
  reader.parameter(at(queue, 'timeout'), 'VisibilitySeconds', { absent: '30', convert: secondsOf });
  reader.parameter(at(queue, 'dead_letter', 'tries'), 'MaxReceives');
  return { template: 'templates/queue.yml', parameters: reader.settings.parameters };
}

function commandsOf(source: Source): Pick<Unit, 'command' | 'entryPoint'> {
  const [command, entryPoint] = ['command', 'entrypoint'].map((key) => {
    const node = at(source.root, key);
    const words = wordsOf(node);
    if (words) source.take(node, key === 'command' ? 'Command' : 'EntryPoint');
    return words;
  });
  return { ...(command && { command }), ...(entryPoint && { entryPoint }) };
}

/** A list of texts. Undefined if one of them contains a shell variable. */
function plainTextsOf(node: SourceNode | undefined): string[] | undefined {
  const texts = textsOf(node);
  return texts?.some(readsShell) === true ? undefined : texts;
}

/** Whether a text contains a variable that Copilot replaces when it runs. */
function readsShell(text: string): boolean {
  return text.includes('${');
}

/** A command as a list of arguments. Undefined for a command with quotes, which a shell would interpret. */
function wordsOf(node: SourceNode | undefined): string[] | undefined {
  if (node?.kind === 'list') return plainTextsOf(node);
  const text = textOf(node);
  return text === undefined || /["'\\$]/.test(text) ? undefined : text.trim().split(/\s+/);
}
