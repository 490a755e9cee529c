import { sha256 } from '../../core/canonical.ts';
import { pathOf } from '../change-set/changes.ts';
import { plural } from '../../core/text.ts';
import { GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { discardChangeSet } from '../execution/cancel.ts';
import { blockedResult, changeSetName, executeAndVerify, guardFindings, requireRollback } from './deploy.ts';
import { type DriftReport, findDrift } from '../drift/drift.ts';
import { revertedTraffic } from '../change-set/traffic.ts';
import { prepareStack } from '../execution/recover.ts';
import type { CommandResult } from './result.ts';
import { createPlan } from '../change-set/plan.ts';
import { readTemplateDocument, TemplateSyntaxError } from '../template/document.ts';
import { type CloudFormationContext, malformedResponse } from '../context.ts';
import type { StackSnapshot } from '../stack.ts';
import { factsOf, NO_FACTS, type Template, type TemplateFacts } from '../template/template.ts';
import { note, StackBlockedError, timeLeft, type CommandRun } from '../command-run.ts';

/** Detects the drift of the stack; with `revert-drift`, reverts it with the same guard as other changes. */
export async function driftCommand(run: CommandRun): Promise<CommandResult> {
  const { context, inputs, identity } = run;
  const { stack, kind } = await prepareStack(run);
  if (!stack || kind === 'create') {
    throw new StackBlockedError(`Stack ${inputs.stackName} does not exist, so it has no drift.`);
  }
  const options = { changeSetName: changeSetName(identity), timeoutMs: timeLeft(run) };
  const drift = await findDrift(context, stack, options);
  if (drift.ofEcs.length > 0)
    note(
      run,
      `Not compared, because ECS shifts traffic with them: the weights of ${drift.ofEcs.join(', ')}.`,
    );
  if (drift.verdict === 'in-sync') {
    return {
      verdict: 'in-sync',
      reason: `Stack ${stack.stackName} matches its template${uncheckedText(drift)}.${caveats(drift)}`,
      drift,
      stack,
    };
  }
  if (!inputs.revertDrift) {
    const [first] = drift.resources;
    const count = drift.resources.length;
    const reason = `${plural(count, 'resource')} of stack ${stack.stackName} differ${count === 1 ? 's' : ''} from the template: ${first ? pathOf(first) : ''} was ${first?.status ?? ''}${count > 1 ? ', and more' : ''}.${caveats(drift)}`;
    return { verdict: 'drifted', reason, drift, stack };
  }
  return await revert(run, stack, drift);
}

async function revert(run: CommandRun, stack: StackSnapshot, drift: DriftReport): Promise<CommandResult> {
  const { context, inputs, pending } = run;
  run.known = { drift, before: stack };
  const template = await deployedTemplate(context, stack);
  const plan = await createPlan(context, {
    inputs: {
      ...inputs,
      importExisting: false,
      capabilities: stack.capabilities.length > 0 ? stack.capabilities : inputs.capabilities,
    },
    template,
    parameters: Object.keys(stack.parameters).map((key) => ({
      key,
      usePrevious: true,
      noEcho: false,
      source: 'previous',
    })),
    tags: {},
    stack,
    changeSetName: changeSetName(run.identity),
    revertDrift: true,
  });
  if (!plan.hasChanges) {
    const reason = `Stack ${stack.stackName} has drifted, but CloudFormation found nothing to revert.`;
    return { verdict: 'drifted', reason, plan, stack, drift };
  }
  pending.changeSet = { ...plan, shellIsOurs: false };
  run.known = { plan, drift, before: stack };
  requireRollback(run, plan, stack);
  const traffic = await revertedTraffic(context, plan, template);
  const guard = traffic.length > 0 ? traffic : await guardFindings(run, plan, template);
  if (guard.length > 0) {
    await discardChangeSet(run);
    return { ...blockedResult(run, guard), drift };
  }
  return { ...(await executeAndVerify(run, plan, {}, template)), drift };
}

/** The deployed template of the stack, independent of the workspace. */
async function deployedTemplate(context: CloudFormationContext, stack: StackSnapshot): Promise<Template> {
  const command = new GetTemplateCommand({ StackName: stack.stackId, TemplateStage: 'Original' });
  const { TemplateBody: body } = await send(context.client, command, context);
  if (body === undefined) throw malformedResponse(`GetTemplate returned no template for ${stack.stackName}`);
  return { body, hash: sha256(body), ...readFacts(body) };
}

/** The facts in a template; none if it cannot be parsed, because CloudFormation accepts more than this parser does. */
function readFacts(body: string): TemplateFacts {
  try {
    return factsOf(readTemplateDocument(body));
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    return NO_FACTS;
  }
}

function uncheckedText({ unchecked }: DriftReport): string {
  if (unchecked.length === 0) return '';
  const named = unchecked.slice(0, NAMED).join(', ');
  const more = unchecked.length > NAMED ? ` and ${unchecked.length - NAMED} more` : '';
  return `, but CloudFormation could not compare ${named}${more}`;
}

const NAMED = 5;

/** Why the result may be incomplete. */
function caveats({ disputed, byChangeSetOnly }: DriftReport): string {
  if (byChangeSetOnly) {
    return ' Drift detection failed. The result is from a change set, which does not report what it could not compare.';
  }
  if (disputed.length === 0) return '';
  return ` The change set and drift detection disagree on ${disputed.join(', ')}. The result of drift detection is used.`;
}
