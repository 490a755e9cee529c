import { AwsError } from '../service.ts';

/** Refusals in ECS's own words. */
export const clusterNotFound = (): AwsError => new AwsError('ClusterNotFoundException', 'Cluster not found.');

export const serviceNotFound = (): AwsError => new AwsError('ServiceNotFoundException', 'Service not found.');

export const serviceNotActive = (): AwsError =>
  new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');

export const invalidParameter = (message: string): AwsError =>
  new AwsError('InvalidParameterException', message);

export const clientError = (message: string): AwsError => new AwsError('ClientException', message);

export const serviceDeploymentNotFound = (): AwsError =>
  new AwsError('ServiceDeploymentNotFoundException', 'Service deployment not found.');

export const conflict = (message: string): AwsError => new AwsError('ConflictException', message);
