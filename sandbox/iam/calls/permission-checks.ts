import type { Call } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { cloudFormationChecks } from './cloudformation.ts';
import { ecsChecks } from './ecs.ts';
import {
  certificateChecks,
  cloudWatchChecks,
  ecrChecks,
  iamChecks,
  loadBalancingChecks,
  logsChecks,
  networkChecks,
  quotaChecks,
  secretChecks,
  ssmChecks,
  stsChecks,
  zoneChecks,
} from './others.ts';
import type { PermissionCheck, PermissionChecks } from './permission-check.ts';
import { s3Checks } from './s3.ts';

const BY_SERVICE: Readonly<Record<string, PermissionChecks>> = {
  acm: certificateChecks,
  cloudformation: cloudFormationChecks,
  ec2: networkChecks,
  ecr: ecrChecks,
  ecs: ecsChecks,
  elasticloadbalancing: loadBalancingChecks,
  iam: iamChecks,
  logs: logsChecks,
  monitoring: cloudWatchChecks,
  route53: zoneChecks,
  s3: s3Checks,
  secretsmanager: secretChecks,
  servicequotas: quotaChecks,
  ssm: ssmChecks,
  sts: stsChecks,
};

/**
 * The permissions that a call of a service requires. Throws for a service without checks, so that none is left
 * unchecked.
 */
export function permissionChecks(world: World, call: Call): PermissionCheck[] {
  const checks = BY_SERVICE[call.service];
  if (!checks) throw new Error(`IAM has no permission checks for the calls of ${call.service}`);
  return checks(world, call);
}
