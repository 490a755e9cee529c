import type { ImageRepository } from '../registry/repository.ts';
import { AwsError, textOf } from '../service.ts';
import type { EcrOperation } from './ecr-call.ts';
import { invalid, named, placeOf } from './ecr-call.ts';

export const POLICY_OPERATIONS: Record<string, EcrOperation> = {
  SetRepositoryPolicy(world, input, call) {
    const repository = named(world, input, call);
    repository.policy = jsonText('policyText', input.policyText);
    return { ...placeOf(repository), policyText: repository.policy };
  },

  GetRepositoryPolicy(world, input, call) {
    const repository = named(world, input, call);
    return { ...placeOf(repository), policyText: policyOf(repository) };
  },

  DeleteRepositoryPolicy(world, input, call) {
    const repository = named(world, input, call);
    const policyText = policyOf(repository);
    repository.policy = undefined;
    return { ...placeOf(repository), policyText };
  },

  PutLifecyclePolicy(world, input, call) {
    const repository = named(world, input, call);
    repository.lifecyclePolicy = jsonText('lifecyclePolicyText', input.lifecyclePolicyText);
    return { ...placeOf(repository), lifecyclePolicyText: repository.lifecyclePolicy };
  },

  GetLifecyclePolicy(world, input, call) {
    const repository = named(world, input, call);
    return { ...placeOf(repository), lifecyclePolicyText: lifecycleOf(repository) };
  },

  DeleteLifecyclePolicy(world, input, call) {
    const repository = named(world, input, call);
    const lifecyclePolicyText = lifecycleOf(repository);
    repository.lifecyclePolicy = undefined;
    return { ...placeOf(repository), lifecyclePolicyText };
  },
};

function jsonText(parameter: string, value: unknown): string {
  const given = textOf(value) ?? '';
  try {
    JSON.parse(given);
    return given;
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(parameter, 'Invalid JSON syntax');
    throw error;
  }
}

function policyOf({ policy, name, account }: ImageRepository): string {
  if (policy !== undefined) return policy;
  const message = `Repository policy does not exist for the repository with name '${name}' in the registry with id '${account}'`;
  throw new AwsError('RepositoryPolicyNotFoundException', message);
}

function lifecycleOf({ lifecyclePolicy, name, account }: ImageRepository): string {
  if (lifecyclePolicy !== undefined) return lifecyclePolicy;
  const message = `Lifecycle policy does not exist for the repository with name '${name}' in the registry with id '${account}'`;
  throw new AwsError('LifecyclePolicyNotFoundException', message);
}
