import type { AwsError } from '../service.ts';
import type { World } from '../world.ts';

/** Why a piece of work on a resource failed, as its event says. */
export class ResourceFailure extends Error {}

const HANDLER_CODES = [
  'AlreadyExists',
  'AccessDenied',
  'InvalidRequest',
  'NotFound',
  'NotStabilized',
  'Throttling',
  'NotUpdatable',
  'ServiceLimitExceeded',
  'ServiceInternalError',
  'GeneralServiceException',
  'ResourceConflict',
  'NetworkFailure',
  'InternalFailure',
];

/** How CloudFormation words what the service behind a type of resources answered. */
export function handlerReport(world: World, type: string, error: AwsError): string {
  const known = HANDLER_CODES.includes(error.code);
  const message = known
    ? error.message
    : `${error.message} (Service: ${serviceOf(type)}, Status Code: ${String(error.status)}, Request ID: ${world.newUuid()})`;
  return `Resource handler returned message: "${message}" (RequestToken: ${world.newUuid()}, HandlerErrorCode: ${known ? error.code : 'GeneralServiceException'})`;
}

/** The SDK's name of a service: `Ecr`, `S3`. */
function serviceOf(type: string): string {
  const service = type.split('::')[1] ?? type;
  return /^[A-Z]+$/.test(service) ? service.charAt(0) + service.slice(1).toLowerCase() : service;
}
