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
    says: 'stack-name: expected at most 128 letters, digits and hyphens, starting with a letter, got "dev_shop_net"',
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
    says: 'parameters: Size: expected one of small, large, got "big" (net.yml:2)',
    at: 'net.yml:2',
  },
  {
    ...stack,
    what: 'a value in a file that is not allowed',
    inputs: { 'parameter-files': 'dev.json' },
    files: { 'net.yml': NET, 'dev.json': '{\n  "Size": "big"\n}\n' },
    says: 'parameters: Size: expected one of small, large (net.yml:2), got "big" (dev.json:2)',
    at: 'dev.json:2',
  },
  {
    ...stack,
    what: 'values that violate their constraints',
    inputs: { parameters: 'Code=abc\nCount=9\nName=ab' },
    files: {
      'net.yml': `Parameters:
  Code: { Type: String, AllowedPattern: '[A-Z]+', ConstraintDescription: capitals }
  Count: { Type: Number, MinValue: 1, MaxValue: 5 }
  Name: { Type: String, MinLength: 3 }
Resources:
  Topic: { Type: AWS::SNS::Topic }
`,
    },
    says: 'parameters: Code: expected text that matches [A-Z]+ ("capitals"), got "abc" (net.yml:2); Count: expected at most 5, got "9" (net.yml:3); Name: expected at least 3 characters, got "ab" (net.yml:4)',
  },
  {
    ...stack,
    what: 'a default that is not allowed',
    files: { 'net.yml': NET.replace('Default: small', 'Default: medium') },
    says: 'parameters: Size: expected one of small, large, got "medium", the default (net.yml:2)',
    at: 'net.yml:2',
  },
  {
    ...stack,
    what: 'a template without resources',
    files: { 'net.yml': 'Description: nothing\n' },
    says: 'template: expected at least one resource in Resources (net.yml:1). CloudFormation: "Template format error: At least one Resources member must be defined."',
    at: 'net.yml:1',
  },
  {
    ...stack,
    what: 'a tag in a file that is too long',
    inputs: { 'parameter-files': 'dev.json' },
    files: { 'net.yml': NET, 'dev.json': `{\n  "Tags": { "team": "${'x'.repeat(257)}" }\n}\n` },
    says: 'tags: expected a value of at most 256 characters for team, got 257 (dev.json:2)',
    at: 'dev.json:2',
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
    what: 'a parameter without a value, in YAML',
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
    what: 'a timeout of zero',
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
    what: 'yes instead of true',
    inputs: { 'termination-protection': 'yes' },
    says: 'termination-protection: expected true or false, got "yes"',
  },
  {
    ...stack,
    what: 'the name of a role',
    inputs: { 'role-to-assume': 'deploy' },
    says: 'role-to-assume: expected an ARN such as arn:aws:iam::111111111111:role/deploy, got "deploy"',
  },
  { ...stack, what: 'a missing name', inputs: { 'stack-name': '' }, says: 'stack-name: a value is required' },
  {
    ...service,
    what: 'a cluster that does not exist',
    inputs: { cluster: 'dev-platfrom', image: `shop.example.com/a@${DIGEST}` },
    code: 'not-found',
    says: 'There is no cluster dev-platfrom in eu-west-1 (AWS reported: "ClusterNotFoundException: Cluster not found. (request id …)"). Did you mean dev-platform? Nothing was changed.',
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
    at: 'task.json:2',
  },
  {
    ...service,
    what: 'a CloudFormation template as task definition',
    inputs: { 'task-definition': 'task.yml' },
    files: { 'task.yml': 'Type: AWS::ECS::TaskDefinition\nProperties: {}\n' },
    says: `task-definition: expected the fields of the ECS API, such as containerDefinitions, got "task.yml". This is a resource of a CloudFormation template. Nothing was changed.`,
  },
  {
    ...service,
    what: 'a container that does not exist',
    inputs: { images: `web=shop.example.com/a@${DIGEST}` },
    says: 'images: expected app (containers of the task definition), got "web". Nothing was changed.',
  },
  {
    ...service,
    what: 'an image without its registry',
    inputs: { image: 'user-service:1.4' },
    says: 'image: expected an image with its registry, such as registry.example.com/user-service:1.4, got "user-service:1.4". An image without one is pulled from Docker Hub. Nothing was changed.',
  },
  {
    ...service,
    what: 'an image of a container without its registry',
    inputs: { images: 'app=user-service:1.4' },
    says: 'images: expected an image with its registry, such as registry.example.com/user-service:1.4, got "user-service:1.4". An image without one is pulled from Docker Hub. Nothing was changed.',
  },
  {
    ...service,
    what: 'the placeholder of an image',
    inputs: { image: '<IMAGE1_NAME>' },
    says: 'image: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, got "<IMAGE1_NAME>". Replace the placeholder <IMAGE1_NAME>',
  },
  {
    ...service,
    what: 'the placeholder of a variable as image',
    inputs: { image: 'registry.example.com/user-service:$GITHUB_SHA' },
    says: 'image: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, got "registry.example.com/user-service:$GITHUB_SHA". Replace the placeholder $GITHUB_SHA',
  },
  {
    ...service,
    what: 'an image without its tag',
    inputs: { image: 'registry.example.com/user-service:' },
    says: 'image: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, got "registry.example.com/user-service:". The tag is empty',
  },
  {
    ...service,
    what: 'a digest without its repository',
    inputs: { image: DIGEST },
    says: `image: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, got "${DIGEST}". A digest must follow the name of its repository`,
  },
  {
    ...service,
    what: 'the URL of an image',
    inputs: { image: 'https://registry.example.com/user-service:1.4' },
    says: 'image: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, without https://, got "https://registry.example.com/user-service:1.4"',
  },
  {
    ...service,
    what: 'the placeholder of an image in a task definition',
    inputs: { 'task-definition': 'task.json' },
    files: {
      'task.json':
        '{\n  "family": "user-service",\n  "containerDefinitions": [\n    { "name": "app", "image": "<IMAGE1_NAME>" }\n  ]\n}\n',
    },
    says: 'task-definition: expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…, got "<IMAGE1_NAME>" (task.json:4). Replace the placeholder <IMAGE1_NAME>. Nothing was changed.',
    fix: 'Set the image of app in images or in task.json.',
    at: 'task.json:4',
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
    says: 'repository: expected an ECR repository without https://, got "https://111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api"',
  },
  {
    ...image,
    what: 'a repository of another region',
    inputs: { repository: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/api' },
    says: 'repository: expected a repository in eu-west-1 (aws-region), got "111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/api". Set aws-region to eu-central-1, or add it to the input also, so that the finished image is copied to it',
  },
  {
    ...image,
    what: 'a tag in repository',
    inputs: { repository: 'shop/api:latest' },
    says: 'repository: expected the name of a repository in lower case and without a tag, such as shop/user-service, got "shop/api:latest"',
  },
  {
    ...image,
    what: 'an upper-case repository',
    inputs: { repository: 'Shop/Api' },
    says: 'repository: expected the name of a repository in lower case and without a tag, such as shop/user-service, got "Shop/Api"',
  },
  {
    ...image,
    what: 'a branch as tag',
    inputs: { tags: 'feature/login' },
    says: 'tags: expected a tag without a registry: at most 128 letters, digits, _, . and -, not starting with . or -, got "feature/login"',
  },
  {
    ...image,
    what: 'a missing Dockerfile',
    files: { 'README.md': '' },
    says: 'file: expected a Dockerfile in the workspace, got "Dockerfile"',
  },
  {
    ...image,
    what: 'another name of the Dockerfile',
    files: { 'Dockerfile.prod': 'FROM scratch\n' },
    says: 'file: expected a Dockerfile in the workspace, got "Dockerfile"',
  },
  {
    ...image,
    what: 'a service without a Dockerfile',
    inputs: { service: 'api', context: '' },
    files: { 'api/main.ts': '' },
    says: 'file: expected a Dockerfile in the workspace, got "api/Dockerfile"',
  },
  {
    ...image,
    what: 'a missing bake file',
    inputs: { 'bake-file': 'docker-bake.hcl', context: '' },
    files: { 'README.md': '' },
    says: 'bake-file: expected a file in the workspace, got "docker-bake.hcl"',
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
    what: 'the placeholder of an image',
    inputs: { images: 'api=<IMAGE1_NAME>' },
    says: 'images: expected sha256:… for api, got "<IMAGE1_NAME>"',
  },
  {
    ...promotion,
    what: 'an image without a digest',
    inputs: { images: 'api=shop/api:1.4' },
    says: 'images: expected sha256:… for api, got "shop/api:1.4"',
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
    says: 'from: expected an environment other than the one in to, got "dev"',
  },
  {
    ...preview,
    what: 'the placeholder of an image',
    inputs: { images: 'api=<IMAGE1_NAME>', 'pull-request': '7' },
    says: 'images: expected the image of api as sha256:… or repository@sha256:…, got "<IMAGE1_NAME>"',
  },
  {
    ...preview,
    what: 'no pull request',
    inputs: { images: `api=${DIGEST}` },
    says: 'pull-request: a value is required, because this run has no pull request',
  },
];
