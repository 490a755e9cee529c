import { NET, platformWith } from './files.ts';
import type { Mistake } from './mistake.ts';

const code = 'input-invalid';
const environment = { action: 'deploy-environment', files: platformWith(), code } as const;
const stack = { action: 'deploy-stack', files: { 'net.yml': NET }, code } as const;
const service = { action: 'update-service', files: { 'README.md': '' }, code } as const;
const image = { action: 'build-push-image', files: { Dockerfile: 'FROM scratch\n' }, code } as const;
const promotion = { action: 'promote-environment', files: platformWith(), code } as const;
const preview = { action: 'preview-environment', files: platformWith(), code } as const;
const DIGEST = `sha256:${'0'.repeat(64)}`;

/** Mistakes in the inputs of the actions. */
export const IN_INPUTS: readonly Mistake[] = [
  {
    ...environment,
    what: 'an environment that does not exist',
    inputs: { environment: 'stagin' },
    says: 'environment: expected one of dev, staging (platform.yml), got "stagin". Did you mean staging?',
  },
  {
    ...environment,
    what: 'a stack that does not exist',
    inputs: { stacks: 'nte' },
    says: 'stacks: expected net (platform.yml, in dev), got "nte". Did you mean net?',
  },
  {
    ...environment,
    what: 'a command that does not exist',
    inputs: { command: 'destory' },
    says: 'command: expected one of deploy, plan, apply, destroy, status, doctor, build, drift, got "destory". Did you mean destroy?',
  },
  {
    ...environment,
    what: 'an image by tag',
    inputs: { images: 'api=shop/api:latest' },
    says: 'images: expected the image of api by digest, sha256:… with 64 hex digits, got "shop/api:latest"',
  },
  {
    ...stack,
    what: 'an underscore in the name of a stack',
    inputs: { 'stack-name': 'dev_shop_net' },
    says: 'stack-name: expected letters, digits and dashes, a letter first, at most 128, got "dev_shop_net"',
  },
  {
    ...stack,
    what: 'a missing template',
    inputs: { template: 'network.yml' },
    says: 'template: cannot read "network.yml" (no such file). Paths are relative to the workspace.',
  },
  {
    ...stack,
    what: 'the syntax of a template',
    files: { 'net.yml': 'Resources:\n\tTopic: {}\n' },
    says: 'template: expected YAML or JSON (net.yml:2). Tabs are not allowed as indentation. CloudFormation: "Template format error: YAML not well-formed. (line 2, column 1)"',
    at: 'net.yml:2',
  },
  {
    ...stack,
    what: 'an unknown parameter',
    inputs: { parameters: 'Sise=large' },
    says: 'parameters: expected parameters of the template (Size), got "Sise". Did you mean "Size"?',
  },
  {
    ...stack,
    what: 'a value that is not allowed',
    inputs: { parameters: 'Size=big' },
    code: 'plan-failed',
    says: `The plan of dev-shop-net failed: Parameter 'Size' must be one of AllowedValues (net.yml:2)`,
  },
  {
    ...stack,
    what: 'a parameter without a value',
    inputs: { 'stack-name': 'dev-shop-new' },
    files: { 'net.yml': NET.replace('Default: small, ', '') },
    says: 'parameters: expected a value for Size (net.yml:2), which has no default and no previous value',
  },
  {
    ...stack,
    what: 'several parameters on a line',
    inputs: { parameters: 'Size=small Zone=a' },
    says: 'parameters: expected one line each, got several parameters on one line. If it is a single value, write YAML with the value in quotes',
  },
  {
    ...stack,
    what: 'a parameter without a value in YAML',
    inputs: { parameters: 'Size:' },
    says: 'parameters: line 1: expected a value. Write "" for an empty one',
  },
  {
    ...stack,
    what: 'an unknown capability',
    inputs: { capabilities: 'CAPABILITY_NAMEDIAM' },
    says: 'capabilities: expected one of CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND, got "CAPABILITY_NAMEDIAM". Did you mean CAPABILITY_NAMED_IAM?',
  },
  {
    ...stack,
    what: 'a missing parameter file',
    inputs: { 'parameter-files': 'dev.json' },
    says: 'parameter-files: cannot read "dev.json" (no such file). Paths are relative to the workspace.',
  },
  {
    ...stack,
    what: 'broken JSON in a parameter file',
    inputs: { 'parameter-files': 'dev.json' },
    files: { 'net.yml': NET, 'dev.json': '{\n  "Size": "small"\n' },
    says: 'parameter-files: expected JSON or YAML (dev.json:3). The problem: a bracket, brace, comma, colon or quote is missing',
    at: 'dev.json:3',
  },
  {
    ...stack,
    what: 'no time',
    inputs: { timeout: '0s' },
    says: 'timeout: expected a duration from 1s to 120h, got "0s"',
  },
  {
    ...stack,
    what: 'a timeout without a unit',
    inputs: { timeout: '30' },
    says: 'timeout: expected a duration such as 90s, 30m or 2h, got "30"',
  },
  {
    ...stack,
    what: 'a timeout of months',
    inputs: { timeout: '2000h' },
    says: 'timeout: expected a duration from 1s to 120h, got "2000h"',
  },
  {
    ...stack,
    what: 'a region without a number',
    inputs: { 'aws-region': 'ireland' },
    says: 'aws-region: expected a region such as eu-central-1, got "ireland"',
  },
  {
    ...stack,
    what: 'a typo in the region',
    inputs: { 'aws-region': 'eu-wset-1' },
    says: 'aws-region: expected a region such as eu-central-1, got "eu-wset-1". Did you mean eu-west-1?',
  },
  {
    ...stack,
    what: 'no region',
    env: { AWS_REGION: '' },
    says: 'aws-region: a value is required, here or in the environment variable AWS_REGION',
  },
  {
    ...stack,
    what: 'yes in place of true',
    inputs: { 'termination-protection': 'yes' },
    says: 'termination-protection: expected true or false, got "yes"',
  },
  {
    ...stack,
    what: 'the name of a role',
    inputs: { 'role-to-assume': 'deploy' },
    says: 'role-to-assume: expected an ARN such as arn:aws:iam::111111111111:role/deploy, got "deploy"',
  },
  { ...stack, what: 'no name', inputs: { 'stack-name': '' }, says: 'stack-name: a value is required' },
  {
    ...service,
    what: 'a cluster that does not exist',
    inputs: { cluster: 'dev-platfrom', image: `shop.example.com/a@${DIGEST}` },
    code: 'not-found',
    says: 'There is no cluster dev-platfrom in eu-west-1 (AWS says: "ClusterNotFoundException: Cluster not found. (request id …)"). Did you mean dev-platform? Nothing was changed.',
  },
  {
    ...service,
    what: 'a service that does not exist',
    inputs: { service: 'user-servic', image: `shop.example.com/a@${DIGEST}` },
    code: 'not-found',
    says: 'There is no service user-servic in the cluster dev-platform (MISSING). Did you mean user-service? Nothing was changed.',
  },
  {
    ...service,
    what: 'a missing task definition',
    inputs: { 'task-definition': 'task.json' },
    says: 'task-definition: expected a file in the workspace, got "task.json". Nothing was changed.',
  },
  {
    ...service,
    what: 'broken JSON in a task definition',
    inputs: { 'task-definition': 'task.json' },
    files: { 'task.json': '{\n  "family": "a",,\n}\n' },
    says: 'task-definition: expected JSON or YAML (task.json:2). The problem: a character is not allowed here. Nothing was changed.',
  },
  {
    ...service,
    what: 'a CloudFormation template as task definition',
    inputs: { 'task-definition': 'task.yml' },
    files: { 'task.yml': 'Type: AWS::ECS::TaskDefinition\nProperties: {}\n' },
    says: `task-definition: expected the fields of ECS's API, such as containerDefinitions, got "task.yml". This is a resource of a CloudFormation template. Nothing was changed.`,
  },
  {
    ...service,
    what: 'a container that does not exist',
    inputs: { images: `web=shop.example.com/a@${DIGEST}` },
    says: 'images: expected app (containers of the task definition), got "web". Nothing was changed.',
  },
  {
    ...service,
    what: 'cpu without a number',
    inputs: { cpu: 'small' },
    says: 'cpu: expected 256 or 0.25 vCPU, got "small"',
  },
  {
    ...service,
    what: 'a whole URL as cluster',
    inputs: { cluster: 'https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/dev' },
    says: `cluster: expected a cluster's name or ARN, got "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/dev"`,
  },
  {
    ...image,
    what: 'the URL of a repository',
    inputs: { repository: 'https://111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api' },
    says: 'repository: expected a repository of ECR without https://, got "https://111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api"',
  },
  {
    ...image,
    what: 'a repository of another region',
    inputs: { repository: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/api' },
    says: 'repository: expected a repository of eu-west-1, which aws-region names, got "111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/api". Set aws-region to eu-central-1, or give it in also, where the finished image is copied to',
  },
  {
    ...image,
    what: 'a tag in repository',
    inputs: { repository: 'shop/api:latest' },
    says: 'repository: expected the name of a repository in lower case, without a tag, such as shop/user-service, got "shop/api:latest"',
  },
  {
    ...image,
    what: 'an upper-case repository',
    inputs: { repository: 'Shop/Api' },
    says: 'repository: expected the name of a repository in lower case, without a tag, such as shop/user-service, got "Shop/Api"',
  },
  {
    ...image,
    what: 'a branch as tag',
    inputs: { tags: 'feature/login' },
    says: 'tags: expected a tag of at most 128 letters, digits, _, . and -, that does not begin with . or -, without a registry, got "feature/login"',
  },
  {
    ...image,
    what: 'a missing Dockerfile',
    files: { 'README.md': '' },
    says: 'file: expected a Dockerfile in the workspace, got "Dockerfile"',
  },
  {
    ...image,
    what: 'a missing context',
    inputs: { context: 'services/api' },
    says: 'context: expected a folder in the workspace, got "services/api"',
  },
  {
    ...image,
    what: 'an architecture without a system',
    inputs: { platforms: 'arm64' },
    says: 'platforms: expected a platform such as linux/amd64, got "arm64"',
  },
  {
    ...image,
    what: 'a build argument without a value',
    inputs: { 'build-args': 'VERSION' },
    says: 'build-args: line 1: expected key=value. Use YAML for a value of several lines',
  },
  {
    ...image,
    what: 'a typo in scan',
    inputs: { scan: 'hgih' },
    says: 'scan: expected one of off, critical, high, medium, low, got "hgih". Did you mean high?',
  },
  {
    ...promotion,
    what: 'a target that does not exist',
    inputs: { to: 'stagng' },
    says: 'to: expected one of dev, staging (platform.yml), got "stagng". Did you mean staging?',
  },
  {
    ...promotion,
    what: 'the same environment twice',
    inputs: { to: 'dev' },
    says: 'from: expected another environment than to, got "dev"',
  },
  {
    ...preview,
    what: 'no pull request',
    inputs: { images: `api=${DIGEST}` },
    says: 'pull-request: a value is required: this run is not about a pull request',
  },
];
