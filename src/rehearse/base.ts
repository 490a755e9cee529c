import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ledgerNames } from '../delivery/ledger.ts';
import type { Manifest, Stack } from '../environment/manifest/manifest.ts';
import { chooseTargets, targetGraph, type Choice, type StackTarget } from '../environment/run/targets.ts';

/** A stack before the rehearsal. */
export interface StackState {
  stackName: string;
  /** Template body. */
  template: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
}

/** A service with a stack, and the image that it runs. */
export interface ServiceState {
  name: string;
  stackName: string;
  /** The ECR repository. */
  repository: string;
  /** The ledger parameter with the image. */
  imageParameter: string;
}

/** The state of an environment that a rehearsal starts from. */
export interface EnvironmentState {
  account: string;
  region: string;
  /** In an order in which they can be created. */
  stacks: readonly StackState[];
  services: readonly ServiceState[];
}

/**
 * The state of an environment after its files were deployed: all its stacks, including the administrator's.
 *
 * @param folder the checkout that the manifest was read from.
 * @throws InputError for an unknown environment, and for a template that cannot be read.
 */
export function stateOfFiles(manifest: Manifest, environment: string, folder: string): EnvironmentState {
  const choice = chooseTargets(manifest, { environment, stacks: [], services: [] });
  return stateOf(manifest, { ...choice, stacks: stacksOf(manifest, environment) }, folder);
}

/** A new environment before its first deployment: only the stacks that an administrator deploys, such as the roles. */
export function stateOfNewEnvironment(
  manifest: Manifest,
  environment: string,
  folder: string,
): EnvironmentState {
  const choice = chooseTargets(manifest, { environment, stacks: [], services: [] });
  const stacks = stacksOf(manifest, environment).filter(({ manual }) => manual);
  return stateOf(manifest, { ...choice, stacks, services: [] }, folder);
}

function stacksOf({ stacks }: Manifest, environment: string): Stack[] {
  return Object.values(stacks).filter(({ environments }) => environments?.includes(environment) ?? true);
}

function stateOf(manifest: Manifest, choice: Choice, folder: string): EnvironmentState {
  const { targets } = targetGraph(manifest, choice, folder);
  const environment = choice.environment.name;
  const { account, region } = choice.environment;
  return {
    account,
    region,
    stacks: targets.map(({ inputs: { stackName, template, parameters, tags } }) => ({
      stackName,
      template: readFileSync(resolve(folder, template), 'utf8'),
      parameters,
      tags,
    })),
    services: targets.flatMap((target) => serviceState(manifest, environment, target)),
  };
}

function serviceState(
  { project }: Manifest,
  environment: string,
  { name, inputs, service }: StackTarget,
): ServiceState[] {
  if (!service) return [];
  const { image } = ledgerNames({ project, environment, service: name });
  return [{ name, stackName: inputs.stackName, repository: service.repository, imageParameter: image }];
}
