import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { classify } from '../../../aws/errors.ts';
import type { CloudFormationContext } from '../../../cloudformation/context.ts';
import { findStack, type ListingContext, StackListing } from '../../../cloudformation/listing.ts';
import { isFailedCreation, isShell } from '../../../cloudformation/stack.ts';
import { readTemplateDocument } from '../../../cloudformation/template/document.ts';
import { possibleTexts } from '../../../cloudformation/template/evaluate.ts';
import { templateScope } from '../../../cloudformation/template/graph.ts';
import { member, valueAt } from '../../../cloudformation/template/tree.ts';
import { type FileLine, PlatformError } from '../../../core/errors.ts';
import { capitalize, sentence } from '../../../core/text.ts';
import type { Manifest } from '../../manifest/manifest.ts';
import type { EnvironmentContext, EnvironmentRequest } from '../../run/context.ts';
import type { Check } from '../../run/result.ts';
import { type Choice, pseudoParameters, type StackTarget, targetGraph } from '../../run/targets.ts';

/** A manual stack that gives permissions to the role that CloudFormation assumes, and does not exist. */
interface MissingGrant {
  says: string;
  fix: string;
  at: FileLine;
}

/** Properties with the names of the roles that a policy is attached to. */
const ROLES: Readonly<Record<string, string>> = {
  'AWS::IAM::ManagedPolicy': 'Roles',
  'AWS::IAM::Policy': 'Roles',
  'AWS::IAM::RolePolicy': 'RoleName',
};

/**
 * Manual stacks of the environment that attach policies to its execution role and do not exist. Without their policies, AWS
 * denies the creation of the first resource. Templates that cannot be used are left out: the run does not deploy them.
 */
async function missingGrants(
  context: ListingContext,
  manifest: Manifest,
  choice: Choice,
  workspace: string,
): Promise<MissingGrant[]> {
  const { environment } = choice;
  const role = environment.executionRole?.split('/').at(-1);
  if (role === undefined) return [];
  const manual = Object.values(manifest.stacks).filter(
    (stack) => stack.manual && (stack.environments?.includes(environment.name) ?? true),
  );
  const only = { ...choice, stacks: manual, services: [], existing: [] };
  const { targets } = targetGraph(manifest, only, workspace, () => undefined);
  const granting = targets.filter((target) => rolesOf(target, choice, workspace).includes(role));
  const missing: MissingGrant[] = [];
  for (const { name, inputs } of granting) {
    if (await exists(context, inputs.stackName)) continue;
    missing.push({
      says: `the stack ${inputs.stackName}, which gives permissions to ${role}, does not exist`,
      fix: `Deploy it as an administrator: deploy-environment with stacks: ${name}. If the role has its permissions from elsewhere, remove stacks.${name} from ${manifest.file}.`,
      at: { file: manifest.file, line: manifest.lineOf(['stacks', name]) },
    });
  }
  return missing;
}

/** The names of the roles that a stack attaches policies to, as far as they are known without AWS. */
function rolesOf({ inputs }: StackTarget, { environment }: Choice, workspace: string): string[] {
  const document = readTemplateDocument(readFileSync(resolve(workspace, inputs.template), 'utf8'));
  const scope = templateScope(document, {
    ...inputs.parameters,
    ...pseudoParameters(environment, inputs.stackName),
  });
  return Object.entries(document.resources).flatMap(([logicalId, { type }]) => {
    const property = ROLES[type];
    if (property === undefined) return [];
    const roles = member(valueAt(document, ['Resources', logicalId, 'Properties']), property);
    const values = roles?.kind === 'list' ? roles.items : [roles];
    return values.flatMap((value) => possibleTexts(value, scope));
  });
}

/** A stack that may not be read counts as one that exists. */
async function exists(context: ListingContext, stackName: string): Promise<boolean> {
  try {
    const stack = await findStack(context, stackName);
    return stack !== undefined && !isShell(stack.status) && !isFailedCreation(stack.status);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    return true;
  }
}

/**
 * Whether the manual stacks that give CloudFormation its permissions exist. Where other stacks exist, CloudFormation has had
 * permissions, such as those of an earlier bootstrap: a missing one is a warning.
 */
export async function checkGrants(
  context: CloudFormationContext,
  { manifest, choice }: { manifest: Manifest; choice: Choice },
  workspace: string,
  stackNames: readonly string[],
): Promise<Check[]> {
  const listed = { ...context, listing: new StackListing() };
  const missing = await missingGrants(listed, manifest, choice, workspace);
  if (missing.length === 0) return [];
  listed.listing.expect(stackNames);
  const deployed = await Promise.all(stackNames.map((name) => exists(listed, name)));
  const state = deployed.includes(true) ? 'warning' : 'problem';
  return missing.map(({ says, fix, at }) => ({
    name: 'permissions of CloudFormation',
    state,
    says: `${says} (${at.file}:${at.line})`,
    fix,
  }));
}

/**
 * Requires the manual stacks that give CloudFormation its permissions, before the first deployment of an environment. A plan
 * only warns.
 *
 * @param existing the stacks of the run that exist.
 * @throws PlatformError `not-found` that names all that are missing.
 */
export async function requireGrants(
  context: EnvironmentContext,
  { manifest, choice }: EnvironmentRequest,
  existing: ReadonlyMap<string, unknown>,
  command: 'plan' | 'deploy' | 'apply',
): Promise<void> {
  if (choice.partial || existing.size > 0) return;
  const missing = await missingGrants(await context.cloudFormation(), manifest, choice, context.workspace);
  const [first] = missing;
  if (!first) return;
  const { fix, at } = first;
  const says = missing.map((one) => sentence(`${capitalize(one.says)} (${one.at.file}:${one.at.line})`));
  if (command === 'plan') context.log.warning(`${says.join(' ')} A deployment would fail. Fix: ${fix}`);
  else throw new PlatformError('not-found', `${says.join(' ')} Nothing was changed.`, { fix, at });
}
