import { AwsError } from '../protocols/service.ts';

/** CloudFormation's error for most invalid requests. */
export function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** The error for a template that cannot be parsed. */
export function badFormat(message: string): AwsError {
  return invalid(`Template format error: ${message}`);
}

/** The error for a template that can be parsed but is invalid. */
export function badTemplate(message: string): AwsError {
  return invalid(`Template error: ${message}`);
}

/** Why a piece of work on a resource failed, as its event says. */
export class ResourceFailure extends Error {}
