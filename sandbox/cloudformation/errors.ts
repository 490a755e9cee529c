import { AwsError } from '../protocols/service.ts';

/** CloudFormation's refusal of nearly everything. */
export function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** A template that cannot be read. */
export function badFormat(message: string): AwsError {
  return invalid(`Template format error: ${message}`);
}

/** A template that can be read and makes no sense. */
export function badTemplate(message: string): AwsError {
  return invalid(`Template error: ${message}`);
}
