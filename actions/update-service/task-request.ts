import { basename } from 'node:path';
import { InputError } from '../../src/core/errors.ts';
import { parseCommand } from '../../src/core/inputs/command.ts';
import type { RunRequest } from '../../src/delivery/one-off/run-task.ts';
import type { RevisionRequest } from '../../src/delivery/revision/register-revision.ts';
import { familyOf, type TaskDefinitionSource } from '../../src/ecs/task-definition/task-definition.ts';
import type { GitHubContext } from '../../src/github/context.ts';
import { changesOf, type ServiceInputs, sourceOf, targetOf } from './request.ts';

/** The request of `run`. @throws InputError before any call to AWS. */
export function runRequest(inputs: ServiceInputs, github: GitHubContext, workspace: string): RunRequest {
  const { subnets, run = '', wait } = inputs;
  const {
    'security-groups': securityGroups,
    'assign-public-ip': assignPublicIp,
    'launch-type': launchType,
  } = inputs;
  if (run === '') throw new InputError('run', '', 'expected the command to run');
  if (!wait) {
    throw new InputError('wait', 'false', 'expected true with command: run, whose result is the exit code');
  }
  return {
    ...revisionRequest(inputs, github, workspace),
    command: parseCommand('run', run),
    placement: {
      ...(subnets.length > 0 && { subnets }),
      ...(securityGroups.length > 0 && { securityGroups }),
      ...(assignPublicIp !== undefined && { assignPublicIp }),
      ...(launchType !== undefined && { launchType }),
    },
  };
}

/** The request of `register`. @throws InputError before any call to AWS. */
export function registerRequest(
  inputs: ServiceInputs,
  github: GitHubContext,
  workspace: string,
): RevisionRequest {
  const revision = inputs['task-definition-arn'];
  if (revision !== undefined) {
    throw new InputError(
      'task-definition-arn',
      revision,
      'expected no value with command: register, because this revision is already registered',
    );
  }
  return revisionRequest(inputs, github, workspace);
}

/** Inputs that only apply to a deployment. */
const DEPLOYMENT_INPUTS = [
  'desired-count',
  'pre-deploy',
  'smoke-test',
  'keep-revisions',
  'parameter',
] as const;

function revisionRequest(inputs: ServiceInputs, github: GitHubContext, workspace: string): RevisionRequest {
  const { command, service } = inputs;
  for (const name of DEPLOYMENT_INPUTS) {
    const value = inputs[name];
    if (value !== undefined) throw new InputError(name, value, `expected no value with command: ${command}`);
  }
  if (Object.keys(inputs.verify).length > 0) {
    throw new InputError('verify', '', `expected no value with command: ${command}`);
  }
  const source = sourceOf(inputs, workspace);
  const changes = changesOf(inputs);
  if (service !== undefined) return { ...targetOf(inputs, github), source, changes, isStandalone: false };
  const name = nameOf(source);
  if (name === undefined) {
    const allowed = 'expected a service, or task-definition, task-definition-arn or task-definition-family';
    throw new InputError('service', '', allowed);
  }
  // Revisions do not belong to a cluster.
  const cluster = inputs.cluster ?? (command === 'register' ? 'default' : '');
  const target = targetOf({ ...inputs, cluster, service: name }, github);
  return { ...target, cluster: inputs.cluster ?? '', source, changes, isStandalone: true };
}

/** A name for messages, until the source is read; undefined if the source is a service. */
function nameOf(source: TaskDefinitionSource): string | undefined {
  switch (source.kind) {
    case 'family':
      return source.family;
    case 'revision':
      return familyOf(source.revision);
    case 'file':
      return basename(source.path).replace(/[^A-Za-z0-9_-]/g, '-');
    default:
      return undefined;
  }
}
