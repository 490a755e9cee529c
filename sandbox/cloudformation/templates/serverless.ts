import { invalid } from '../errors.ts';
import { isObject, type Json, type JsonObject, members } from '../json.ts';

const FUNCTION = 'AWS::Serverless::Function';

/** Properties that AWS::Lambda::Function has under the same name. */
const SHARED = [
  'Architectures',
  'Description',
  'Environment',
  'Handler',
  'MemorySize',
  'Role',
  'Runtime',
  'Timeout',
];

/**
 * Expands a function whose code is in S3 like the transform AWS::Serverless: the function, and its role if it names
 * none. Everything else of SAM is refused.
 *
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html
 */
export function expandServerless({ Globals: globals, ...template }: JsonObject): JsonObject {
  const common = isObject(globals) && isObject(globals['Function']) ? globals['Function'] : {};
  const resources = members(template['Resources']).flatMap(([id, resource]): [string, Json][] => {
    const type = isObject(resource) ? resource['Type'] : undefined;
    if (!isObject(resource) || typeof type !== 'string' || !type.startsWith('AWS::Serverless::')) {
      return [[id, resource]];
    }
    if (type !== FUNCTION) throw invalid(`The sandbox does not expand ${type}.`);
    const own = isObject(resource['Properties']) ? resource['Properties'] : {};
    return expandFunction(id, resource, { ...common, ...own });
  });
  return { ...template, Resources: Object.fromEntries(resources) };
}

function expandFunction(id: string, resource: JsonObject, properties: JsonObject): [string, Json][] {
  const { CodeUri: code, ...rest } = properties;
  const other = Object.keys(rest).filter((name) => !SHARED.includes(name));
  if (other.length > 0) throw invalid(`The sandbox does not expand ${FUNCTION} with ${other.join(', ')}.`);
  const role = `${id}Role`;
  const made: JsonObject = {
    ...resource,
    Type: 'AWS::Lambda::Function',
    Properties: {
      ...rest,
      Code: codeOf(code),
      Role: rest['Role'] ?? { 'Fn::GetAtt': [role, 'Arn'] },
      Tags: [{ Key: 'lambda:createdBy', Value: 'SAM' }],
    },
  };
  return rest['Role'] === undefined
    ? [
        [id, made],
        [role, executionRole()],
      ]
    : [[id, made]];
}

/** `s3://bucket/key`, or `{ Bucket, Key }`. */
function codeOf(uri: Json | undefined): Json {
  if (isObject(uri)) return { S3Bucket: uri['Bucket'] ?? null, S3Key: uri['Key'] ?? null };
  const [, S3Bucket, S3Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(typeof uri === 'string' ? uri : '') ?? [];
  if (S3Bucket === undefined || S3Key === undefined) {
    throw invalid(
      `'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.`,
    );
  }
  return { S3Bucket, S3Key };
}

function executionRole(): JsonObject {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: ['lambda.amazonaws.com'] }, Action: ['sts:AssumeRole'] },
        ],
      },
      ManagedPolicyArns: [
        { 'Fn::Sub': 'arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole' },
      ],
      Tags: [{ Key: 'lambda:createdBy', Value: 'SAM' }],
    },
  };
}
