import { AwsError } from '../../protocols/service.ts';
import { objectStore } from '../../s3/object-store.ts';
import type { World } from '../../world.ts';
import type { Stack, StackResource } from '../engine/stack.ts';
import { isObject, textOf } from '../json.ts';
import type { Effect } from './effect.ts';

/** Lambda, as far as stacks need it: functions and layers need the object with their code. */
export const LAMBDA_EFFECTS: Record<string, Effect> = {
  'AWS::Lambda::Function': codeIn('Code'),
  'AWS::Lambda::LayerVersion': codeIn('Content'),
};

function codeIn(property: string): Effect {
  const read: Effect['make'] = (world, stack, resource) => {
    readCode(world, stack, resource, property);
  };
  return { make: read, change: read, remove: () => undefined };
}

/** Throws Lambda's error, as reported in https://github.com/aws-samples/aws-account-vending-machine/issues/23. */
function readCode(world: World, stack: Stack, { properties }: StackResource, property: string): void {
  const code = properties[property];
  if (!isObject(code) || code.S3Bucket === undefined) return;
  const failure = readFailure(world, stack.account, textOf(code.S3Bucket), textOf(code.S3Key));
  if (failure === undefined) return;
  const [name, message] = failure;
  throw new AwsError(
    'InvalidRequest',
    `Error occurred while GetObject. S3 Error Code: ${name}. S3 Error Message: ${message} (Service: Lambda, Status Code: 400, Request ID: ${world.newUuid()})`,
  );
}

function readFailure(
  world: World,
  account: string,
  bucket: string,
  key: string,
): [name: string, message: string] | undefined {
  try {
    const found = objectStore(world, account).get(bucket, key);
    return found ? undefined : ['NoSuchKey', 'The specified key does not exist.'];
  } catch (error) {
    if (error instanceof AwsError) return [error.code, error.message];
    throw error;
  }
}
