import type { Call } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { cloudFormationQuestions } from './cloudformation.ts';
import { ecsQuestions } from './ecs.ts';
import {
  cloudWatchQuestions,
  ecrQuestions,
  iamQuestions,
  loadBalancingQuestions,
  logsQuestions,
  quotaQuestions,
  secretQuestions,
  ssmQuestions,
  stsQuestions,
} from './others.ts';
import type { Ask, Questions } from './question.ts';
import { s3Questions } from './s3.ts';

const BY_SERVICE: Readonly<Record<string, Questions>> = {
  cloudformation: cloudFormationQuestions,
  ecr: ecrQuestions,
  ecs: ecsQuestions,
  elasticloadbalancing: loadBalancingQuestions,
  iam: iamQuestions,
  logs: logsQuestions,
  monitoring: cloudWatchQuestions,
  s3: s3Questions,
  secretsmanager: secretQuestions,
  servicequotas: quotaQuestions,
  ssm: ssmQuestions,
  sts: stsQuestions,
};

/**
 * The permissions that a call of a service requires. Throws for a service without checks, so that none is left
 * unchecked.
 */
export function questionsOf(world: World, call: Call): Ask[] {
  const questions = BY_SERVICE[call.service];
  if (!questions) throw new Error(`IAM has no permission checks for the calls of ${call.service}`);
  return questions(world, call);
}
