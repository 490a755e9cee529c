import type { StackSnapshot } from '../../../cloudformation/stack.ts';
import { PlatformError } from '../../../core/errors.ts';
import { capitalize, plural } from '../../../core/text.ts';
import type { Environment } from '../../manifest/manifest.ts';
import type { EnvironmentContext } from '../../run/context.ts';
import type { Check } from '../../run/result.ts';
import type { StackTarget } from '../../run/targets.ts';
import type { TargetCheck } from '../targets/check.ts';
import type { Needs } from '../targets/needs.ts';
import { checkDomains } from './domains.ts';
import { checkCapacity } from './quotas.ts';
import { checkExecutionRole } from './roles.ts';

interface Required {
  environment: Environment;
  targets: readonly StackTarget[];
  checks: readonly TargetCheck[];
  /** The existing stacks, by name. */
  existing: ReadonlyMap<string, Pick<StackSnapshot, 'parameters'>>;
}

/**
 * Fails a run before anything changes if hosted zones, certificates or CloudFormation's execution role cannot be used. Only
 * stacks that will be created, or whose parameters change, are checked.
 *
 * @throws PlatformError with all problems.
 */
export async function requirePrerequisites(
  context: EnvironmentContext,
  { environment, targets, checks, existing }: Required,
): Promise<void> {
  const { session, log } = context;
  const changing = targets.filter(({ inputs }) => changesParameters(inputs, existing.get(inputs.stackName)));
  const creates = targets.some(
    ({ inputs }) => inputs.roleArn !== undefined && !existing.has(inputs.stackName),
  );
  const [domains, roles] = await Promise.all([
    checkDomains(context, session, {
      account: environment.account,
      checks: checks.filter(({ stack }) => changing.some(({ name }) => name === stack)),
    }),
    creates ? checkExecutionRole(context, session, environment) : [],
  ]);
  const found = [...domains, ...roles];
  for (const check of found) if (check.state === 'warning') log.info(sentenceOf(check));
  const problems = found.filter(({ state }) => state === 'problem');
  const [first] = problems;
  if (!first) return;
  const lines = problems.map(sentenceOf);
  const many = lines.length > 1 ? `${plural(lines.length, 'problem')} with its prerequisites:\n` : '';
  const code = domains.includes(first) ? 'template-invalid' : 'access-denied';
  const message = `${environment.name} cannot be deployed: ${many}${lines.join('\n')}. Nothing was changed.`;
  throw new PlatformError(code, message, { ...(first.fix !== undefined && { fix: first.fix }) });
}

/** Whether a stack will be created, or the value of one of its parameters changes. */
function changesParameters(
  { parameters }: StackTarget['inputs'],
  stack: Pick<StackSnapshot, 'parameters'> | undefined,
): boolean {
  return !stack || Object.entries(parameters).some(([name, value]) => stack.parameters[name] !== value);
}

function sentenceOf({ name, says }: Check): string {
  return `${capitalize(name)}: ${says}`;
}

/** Warns of quotas that are not sufficient for a plan. They may be sufficient when the plan is applied. */
export async function warnOfQuotas(context: EnvironmentContext, needs: Needs): Promise<void> {
  const found = await checkCapacity(context, context.session, needs);
  for (const check of found) {
    const text = [sentenceOf(check), ...(check.fix === undefined ? [] : [`Fix: ${check.fix}`])].join('\n');
    if (check.state === 'problem') context.log.warning(text);
    else if (check.state !== 'ok') context.log.info(text);
  }
}
