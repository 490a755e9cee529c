import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Inputs for these tests, with most of the documented keys of the formats. */

const WEB = `
name: frontend
type: Load Balanced Web Service
image:
  build:
    dockerfile: web/Dockerfile
    context: web
    target: release
    args: { NODE_VERSION: '24', NPM_TOKEN: npm-plain-text-value }
    cache_from: ['shop/web:cache']
  port: 8080
  labels: { team: web }
  depends_on: { nginx: healthy }
  healthcheck: { command: [CMD-SHELL, wget localhost], interval: 10s, retries: 2 }
http:
  path: api
  alias: shop.example.com
  hosted_zone: Z0123456789
  healthcheck:
    path: /_health
    port: 8081
    success_codes: '200,301'
    grace_period: 2m
  deregistration_delay: 50s
  stickiness: true
  allowed_source_ips: [10.24.34.0/23]
  redirect_to_https: true
  version: http1
cpu: 512
memory: 1024
platform: linux/arm64
count:
  range: { min: 2, max: 10, spot_from: 3 }
  cooldown: { in: 60s, out: 30s }
  cpu_percentage: { value: 70, cooldown: { in: 10s } }
  memory_percentage: 80
  requests: 300
  response_time: 2s
exec: true
deployment: { rolling: default }
entrypoint: [/bin/entry]
command: node server.js --verbose
network: { vpc: { placement: private, security_groups: [sg-1] } }
variables:
  LOG_LEVEL: info
  STAGE: \${COPILOT_ENVIRONMENT_NAME}
  BUILD: \${GIT_SHA}
  API_KEY: plain-text-api-key
  DATABASE_URL: postgres://shop:plain-text-password@db/shop
  NODE_ENV: production
  TABLE: { from_cfn: shop-table }
env_file: web.env
secrets:
  DB: { secretsmanager: '\${COPILOT_APPLICATION_NAME}/\${COPILOT_ENVIRONMENT_NAME}/mysql:password::' }
  GITHUB_TOKEN: GITHUB_TOKEN
  SIGNING: arn:aws:ssm:eu-west-1:111111111111:parameter/signing
  OTHER: { from_cfn: shop-secret }
storage: { ephemeral: 100, volumes: { wp: { path: /wp, efs: true } } }
publish: { topics: [{ name: orders, fifo: true }] }
sidecars:
  nginx: { port: 80, image: nginx, variables: { MODE: proxy } }
logging: { retention: 90, destination: { Name: cloudwatch } }
observability: { tracing: awsxray }
nlb: { port: 80/tcp }
taskdef_overrides: [{ path: 'ContainerDefinitions[0].Privileged', value: true }]
environments:
  test: {}
  prod:
    cpu: 1024
    memory: 2048
    count: { range: { min: 4 } }
    image: { port: 8443 }
    variables: { LOG_LEVEL: warn }
    secrets: { GITHUB_TOKEN: PROD_TOKEN }
    http: { path: /v2 }
`;

const BACKEND = `
name: quotes
type: Backend Service
image: { location: 'ghcr.io/org/quotes:1.2', port: 9000, credentials: arn:aws:secretsmanager:eu-west-1:111111111111:secret:pull }
http: { path: internal, healthcheck: /up }
count: { spot: 2 }
cpu: 333
memory: 512
variables: { MODE: live }
`;

const WORKER = `
name: mailer
type: Worker Service
image: { build: mailer/Dockerfile }
subscribe:
  topics: [{ name: orders, service: frontend, filter_policy: { store: [example] } }]
  queue: { timeout: 1m30s, retention: 96h, dead_letter: { tries: 10 } }
count:
  range: 0-5
  queue_delay: { acceptable_latency: 10m, msg_processing_time: 250ms, cooldown: { in: 30s } }
`;

const JOB = `
name: nightly
type: Scheduled Job
image: { build: mailer/Dockerfile }
on: { schedule: '0 9 * * 1-5' }
command: node report.js
retries: 3
timeout: 1h
cpu: 256
memory: 512
variables: { LOG_LEVEL: info }
environments: { prod: { on: { schedule: none } } }
`;

const TASK_DEFINITION = {
  taskDefinition: {
    taskDefinitionArn: 'arn:aws:ecs:eu-west-1:111111111111:task-definition/shop-api:7',
    family: 'shop-api',
    revision: 7,
    status: 'ACTIVE',
    taskRoleArn: 'arn:aws:iam::111111111111:role/task',
    executionRoleArn: 'arn:aws:iam::111111111111:role/execution',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    compatibilities: ['EC2', 'FARGATE'],
    requiresAttributes: [{ name: 'ecs.capability.task-eni' }],
    cpu: '256',
    memory: '512',
    runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
    volumes: [],
    placementConstraints: [],
    ephemeralStorage: { sizeInGiB: 30 },
    registeredAt: '2026-01-01T00:00:00Z',
    registeredBy: 'arn:aws:iam::111111111111:user/eve',
    containerDefinitions: [
      {
        name: 'shop-api',
        image: '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api:v7',
        cpu: 0,
        essential: true,
        portMappings: [{ containerPort: 3000, hostPort: 3000, protocol: 'tcp' }],
        command: ['node', 'server.js'],
        environment: [
          { name: 'LOG_LEVEL', value: 'a ${dollar}' },
          { name: 'DB_PASSWORD', value: 'plain-text-password' },
        ],
        secrets: [
          {
            name: 'TOKEN',
            valueFrom: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:shop/prod/token-AbCdEf:value::',
          },
          { name: 'FLAG', valueFrom: '/shop/prod/flag' },
        ],
        mountPoints: [],
        logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/ecs/shop' } },
        healthCheck: { command: ['CMD', 'node', 'healthy.js'], interval: 30 },
        ulimits: [{ name: 'nofile', softLimit: 1024, hardLimit: 4096 }],
      },
      { name: 'proxy', image: 'nginx', essential: false },
    ],
  },
  tags: [{ key: 'team', value: 'web' }],
};

const ECSPRESSO = `
region: eu-west-1
cluster: "{{ env \`CLUSTER\` \`shop\` }}"
service: '{{ must_env \`SERVICE\` }}'
service_definition: ecs-service-def.json
task_definition: ecs-task-def.json
timeout: 10m0s
plugins: [{ name: tfstate, config: { path: terraform.tfstate } }]
`;

const ECSPRESSO_SERVICE = `{
  "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 100 },
  "launchType": "FARGATE",
  "desiredCount": {{ must_env \`COUNT\` }},
  "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["{{ tfstate \`aws_subnet.a.id\` }}"] } },
  "tags": []
}`;

const ECSPRESSO_TASK = `{
  "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
  "containerDefinitions": [
    {
      "name": "web",
      "image": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/web:{{ must_env \`TAG\` }}",
      "essential": true,
      "environment": [{ "name": "SESSION_SECRET", "value": "plain-text-session-secret" }]
    },
    { "name": "envoy", "image": "envoy:1", "essential": false }
  ]
}`;

/** Plain values that look like secrets, which must not occur in the output. */
export const PLAIN_SECRETS = [
  'npm-plain-text-value',
  'plain-text-api-key',
  'plain-text-password',
  'plain-text-session-secret',
];

const FILES: Readonly<Record<string, string>> = {
  'copilot/.workspace': 'application: shop\n',
  'copilot/frontend/manifest.yml': WEB,
  'copilot/quotes/manifest.yml': BACKEND,
  'copilot/mailer/manifest.yml': WORKER,
  'copilot/nightly/manifest.yml': JOB,
  'task-definition.json': JSON.stringify(TASK_DEFINITION, undefined, 2),
  'ecspresso.yml': ECSPRESSO,
  'ecs-service-def.json': ECSPRESSO_SERVICE,
  'ecs-task-def.json': ECSPRESSO_TASK,
};

/** Files that are imported together, with their arguments. */
export interface ImportCase {
  args: readonly string[];
  files: readonly string[];
}

const COPILOT = ['frontend', 'quotes', 'mailer', 'nightly'].map((name) => `copilot/${name}/manifest.yml`);
export const IMPORT_CASES: Readonly<Record<string, ImportCase>> = {
  copilot: { args: ['copilot', ...COPILOT, '--region', 'eu-west-1'], files: COPILOT },
  'task-definition': {
    args: ['task-definition', 'task-definition.json', '--paths', '/api/*'],
    files: ['task-definition.json'],
  },
  ecspresso: {
    args: ['ecspresso', 'ecspresso.yml'],
    files: ['ecspresso.yml', 'ecs-service-def.json', 'ecs-task-def.json'],
  },
};

/** The environment in which ecspresso would run, except for the tag of the image. */
export const ENV = { SERVICE: 'shop-web' };

/** Writes the inputs to a folder, with some texts replaced. */
export function writeInputs(folder: string, changed: Readonly<Record<string, string>> = {}): void {
  for (const [file, text] of Object.entries({ ...FILES, ...changed })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

/** The text of an input. */
export function inputText(file: string): string {
  return FILES[file] ?? '';
}
