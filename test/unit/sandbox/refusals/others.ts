import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import type { CreateStackCommandInput } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateRepositoryCommand,
  DescribeImagesCommand,
  ECRClient,
  PutLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { clientOf } from '../clients.ts';
import type { Refusal } from './refusal.ts';

const DEPLOY_ACTION = 'https://github.com/aws-actions/aws-cloudformation-github-deploy/issues';
const API = 'https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html';
const LOG_GROUP = 'https://github.com/awslabs/aws-embedded-metrics-java/issues/65';
const ECR_NAMES = 'https://github.com/mulgadc/spinifex/tree/main/spinifex/gateway/ecrapi';
const TEMPLATE = 'Resources: { Topic: { Type: AWS::SNS::Topic } }';
const ROLE = 'Resources: { Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {}';
const parameter = (definition: string): string => `Parameters: { Colour: ${definition} }\n${TEMPLATE}`;

function stack(
  mistake: string,
  source: string,
  input: Partial<CreateStackCommandInput>,
  message: string,
  code = 'ValidationError',
): Refusal {
  const command = { StackName: 'shop', TemplateBody: TEMPLATE, ...input };
  const send: Refusal['send'] = (sandbox) =>
    clientOf(sandbox, CloudFormationClient).send(new CreateStackCommand(command));
  return { mistake, source, send, code, message };
}

const colour = (ParameterValue: string) => ({
  Parameters: [{ ParameterKey: 'Colour', ParameterValue }],
});
const tags = (...keys: string[]) => ({ Tags: keys.map((Key) => ({ Key, Value: 'x' })) });
const badNames = (given: string): string =>
  `1 validation error detected: Value '[${given}]' at 'capabilities' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [CAPABILITY_AUTO_EXPAND, CAPABILITY_NAMED_IAM, CAPABILITY_IAM]]`;

export const CLOUDFORMATION: readonly Refusal[] = [
  stack(
    'a capability that does not exist',
    `${DEPLOY_ACTION}/130`,
    { Capabilities: ['CAPABILITY_NAMED_IAM', 'CAPABILITY_ADMIN' as never] },
    badNames('CAPABILITY_NAMED_IAM, CAPABILITY_ADMIN'),
  ),
  stack('an empty capability', `${DEPLOY_ACTION}/134`, { Capabilities: ['' as never] }, badNames('')),
  stack(
    'a role without a capability',
    'https://github.com/cloudtools/troposphere/issues/291',
    { TemplateBody: `${ROLE} } } }` },
    'Requires capabilities : [CAPABILITY_IAM]',
    'InsufficientCapabilitiesException',
  ),
  stack(
    'a role with a name',
    'https://github.com/hashicorp/terraform/pull/14349',
    { TemplateBody: `${ROLE}, RoleName: shop } } }`, Capabilities: ['CAPABILITY_IAM'] },
    'Requires capabilities : [CAPABILITY_NAMED_IAM]',
    'InsufficientCapabilitiesException',
  ),
  stack(
    'a transform without its capability',
    'https://github.com/cfn-sphere/cfn-sphere/issues/191',
    { TemplateBody: `Transform: AWS::LanguageExtensions\n${TEMPLATE}` },
    'Requires capabilities : [CAPABILITY_AUTO_EXPAND]',
    'InsufficientCapabilitiesException',
  ),
  stack(
    'the name of a stack with an underscore',
    API,
    { StackName: 'dev_shop' },
    "1 validation error detected: Value 'dev_shop' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*",
  ),
  stack(
    'a tag with the reserved prefix',
    'https://github.com/aws-quickstart/quickstart-amazon-eks/issues/42',
    tags('aws:team'),
    'aws: prefixed tag key names are not allowed for external use.',
  ),
  stack(
    'a duplicate tag',
    'https://github.com/cilium/cilium/issues/44695',
    tags('team', 'team'),
    'Tags contain duplicate keys; tag keys must be unique',
  ),
  stack(
    'more than fifty tags',
    API,
    tags(...Array.from({ length: 51 }, (_, index) => `k${index}`)),
    "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
  ),
  stack(
    'a value that does not match',
    'https://github.com/ministackorg/ministack/pull/1648',
    { TemplateBody: parameter("{ Type: String, AllowedPattern: '[a-z]+' }"), ...colour('7') },
    "Parameter 'Colour' must match pattern [a-z]+",
  ),
  stack(
    'a value that the template describes',
    'https://github.com/aws/aws-cli/issues/7750',
    {
      TemplateBody: parameter(
        "{ Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: a colour in lower case }",
      ),
      ...colour('7'),
    },
    'Parameter Colour failed to satisfy constraint: a colour in lower case',
  ),
  stack(
    'a parameter without a value',
    'https://github.com/aws/serverless-application-model/issues/1107',
    { TemplateBody: parameter('{ Type: String }') },
    'Parameters: [Colour] must have values',
  ),
  stack(
    'a parameter that the template does not declare',
    'https://github.com/aws-samples/amazon-ec2-image-builder-samples/issues/18',
    { TemplateBody: parameter('{ Type: String }').replace('Colour', 'Color'), ...colour('blue') },
    'Parameters: [Colour] do not exist in the template',
  ),
  stack(
    'a parameter for a template that has none',
    'https://github.com/aws/aws-toolkit-azure-devops/issues/75',
    colour('blue'),
    'Parameter values specified for a template which does not require them.',
  ),
  stack(
    'a template of more than 51,200 bytes',
    'https://github.com/mbailey/bash-my-aws/pull/100',
    { TemplateBody: `${TEMPLATE}#${'x'.repeat(51_200)}` },
    `1 validation error detected: Value '${TEMPLATE}#${'x'.repeat(51_200)}' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200`,
  ),
];

const PATTERN = String.raw`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`;
const ecr = (why: string, parameterName = 'repositoryName'): Pick<Refusal, 'code' | 'message'> => ({
  code: 'InvalidParameterException',
  message: `Invalid parameter at '${parameterName}' failed to satisfy constraint: '${why}'`,
});
const lifecycle = (mistake: string, source: string, text: string, why: string): Refusal => ({
  mistake,
  source,
  send: async (sandbox) => {
    const client = clientOf(sandbox, ECRClient);
    await client.send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
    return client.send(
      new PutLifecyclePolicyCommand({ repositoryName: 'shop/api', lifecyclePolicyText: text }),
    );
  },
  ...ecr(why, why.startsWith('Member') ? 'lifecyclePolicyText' : 'LifecyclePolicyText'),
});
const untagged = {
  selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 1 },
  action: { type: 'expire' },
};

export const ECR: readonly Refusal[] = [
  ...['Shop/Api', 'shop//api', '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api:1'].map(
    (repositoryName): Refusal => ({
      mistake: `the repository ${repositoryName}`,
      source: ECR_NAMES,
      send: (sandbox) => clientOf(sandbox, ECRClient).send(new CreateRepositoryCommand({ repositoryName })),
      ...ecr(`must satisfy regular expression '${PATTERN}'`),
    }),
  ),
  {
    mistake: 'images of a repository that is a URI with a tag',
    source: ECR_NAMES,
    send: (sandbox) =>
      clientOf(sandbox, ECRClient).send(new DescribeImagesCommand({ repositoryName: 'shop/api:1' })),
    ...ecr(`must satisfy regular expression '${PATTERN}'`),
  },
  lifecycle(
    'an empty lifecycle policy',
    'https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html',
    '{}',
    'Member must have length greater than or equal to 100',
  ),
  lifecycle(
    'a lifecycle policy that is no JSON',
    'https://github.com/getmoto/moto/blob/master/moto/ecr/policy_validation.py',
    'rules:'.repeat(20),
    'Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy.',
  ),
  lifecycle(
    'two rules for untagged images',
    'https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html',
    JSON.stringify({ rules: [1, 2].map((rulePriority) => ({ rulePriority, ...untagged })) }),
    'Lifecycle policy validation failure: Only one rule can select Untagged images per storage class.',
  ),
];

export const NAMES: readonly Refusal[] = [
  {
    mistake: 'the log group app:latest',
    source: LOG_GROUP,
    send: (sandbox) =>
      clientOf(sandbox, CloudWatchLogsClient).send(new CreateLogGroupCommand({ logGroupName: 'app:latest' })),
    code: 'InvalidParameterException',
    message: String.raw`1 validation error detected: Value 'app:latest' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`,
  },
  {
    mistake: 'a parameter that is not fully qualified',
    source: 'https://github.com/hashicorp/terraform-provider-aws/issues/7251',
    send: (sandbox) =>
      clientOf(sandbox, SSMClient).send(
        new PutParameterCommand({ Name: 'shop/dev/image', Value: 'x', Type: 'String' }),
      ),
    code: 'ValidationException',
    message: 'Parameter name must be a fully qualified name.',
  },
  {
    mistake: 'a parameter with a space',
    source: 'https://github.com/boto/boto3/issues/1499',
    send: (sandbox) =>
      clientOf(sandbox, SSMClient).send(
        new PutParameterCommand({ Name: 'Dev MySQL DB', Value: 'x', Type: 'String' }),
      ),
    code: 'ValidationException',
    message:
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_',
  },
];
