import { readFileSync } from 'node:fs';

/** The reference platform: which stacks its environments have, in the order in which they can be made. */
export const environments = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof environments)[number];

export interface Stack {
  /** `<environment>-<project>-<stack>` */
  name: string;
  template: string;
  /** The name of its file in templates/environments. */
  parameterFile: string;
  /** What it has beside that file. */
  ownParameters: Record<string, string>;
  /** Both. */
  parameters: Record<string, string>;
  tags: Record<string, string>;
}

export interface ParameterFile {
  Parameters: Record<string, string>;
  Tags: Record<string, string>;
}

/** What a service adds to its environment's parameters. */
export const services: Record<string, Record<string, string>> = {
  'user-service': { Paths: '/api/users,/api/users/*', Priority: '110', DatabaseLogin: 'secret' },
  'product-service': { Paths: '/api/products,/api/products/*', Priority: '120', DatabaseLogin: 'secret' },
  'order-service': { Paths: '/api/orders,/api/orders/*', Priority: '130', DatabaseLogin: 'secret' },
  frontend: { Paths: '/*', Priority: '900', ServiceConnect: 'false' },
};

const LAYERS_BELOW_SERVICES = [
  'bootstrap',
  'vpc',
  'security',
  'registry',
  'aurora-serverless',
  'cluster',
  'monitoring',
];

/** Reads templates/environments/<name>.json, from the repository's root. */
export function readParameterFile(name: string): ParameterFile {
  return JSON.parse(readFileSync(`templates/environments/${name}.json`, 'utf8')) as ParameterFile;
}

/** The name of the ledger's parameter that says which image of a service runs in an environment. */
export const ledgerName = (environment: string, service: string): string =>
  `/platform/${environment}/${service}/image`;

/** All stacks of an environment; each can be made when those before it are there. */
export function stacksOf(environment: Environment): Stack[] {
  const { Parameters, Tags } = readParameterFile(environment);
  const stack = (name: string, template: string, own: Record<string, string> = {}): Stack => ({
    name: `${environment}-platform-${name}`,
    template,
    parameterFile: environment,
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags: Tags,
  });
  return [
    ...LAYERS_BELOW_SERVICES.map((layer) => stack(layer, layer)),
    ...Object.entries(services).map(([service, own]) =>
      stack(service, 'fargate', { ServiceName: service, Image: ledgerName(environment, service), ...own }),
    ),
    stack('cost', 'cost'),
  ];
}

/** The stack of one service of one pull request, in the environment that hosts previews. */
export function previewStack(pullRequest: number, service: string): Stack {
  const { Parameters, Tags } = readParameterFile('preview');
  const { Paths = '/*', DatabaseLogin = 'none' } = services[service] ?? {};
  const own = {
    PullRequest: String(pullRequest),
    ServiceName: service,
    Image: `registry.example.com/platform/${service}@sha256:${'0'.repeat(64)}`,
    Priority: String(1000 + (pullRequest % 2000)),
    Paths,
    DatabaseLogin,
  };
  return {
    name: `dev-platform-pr-${pullRequest}-${service}`,
    template: 'preview',
    parameterFile: 'preview',
    ownParameters: own,
    parameters: { ...Parameters, ...own },
    tags: { ...Tags, PullRequest: String(pullRequest) },
  };
}
