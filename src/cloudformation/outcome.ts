import type { Outcome } from '../runtime/outcome.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { DriftReport } from './drift.ts';
import type { GuardFinding } from './guard.ts';
import type { Finding } from './plan-failure.ts';
import { resultOf, withoutAccount } from './result.ts';
import { stepOutputs } from './stack-outputs.ts';
import { reportOf, sectionsOf, shownOutputs } from './summary.ts';
import type { Timeline } from './timeline.ts';
import type { Plan, ResourceChange, StackSnapshot } from './types.ts';
import { type Verdict, VERDICTS } from './verdict.ts';
import type { Execution } from './watch.ts';
import type { Work } from './work.ts';

/** What a command has to say; outputs, result and summary are made of it. */
export interface Ending {
  verdict: Verdict;
  /** One sentence that a person on call understands. */
  reason: string;
  plan?: Plan;
  /** The stack as it was when the plan was made. */
  before?: StackSnapshot;
  guard?: readonly GuardFinding[];
  execution?: Execution;
  /** What an operation did that was not watched to its end. */
  timeline?: Timeline;
  diagnosis?: Diagnosis;
  drift?: DriftReport;
  /** The stack as it is in the end; its outputs become the step's. */
  stack?: StackSnapshot;
  /** What CloudFormation refuses in a plan. */
  findings?: readonly Finding[];
  /** What differs from the approved plan, a line each. */
  difference?: readonly string[];
}

const CHANGES_LIMIT = 200_000;

/** Turns the end of a command into what the action tells. */
export function outcomeOf(work: Work, ending: Ending): Outcome {
  const { context, inputs } = work;
  const { verdict, plan, stack } = ending;
  return {
    verdict,
    ok: VERDICTS[verdict].ok,
    reason: withoutAccount(ending.reason),
    outputs: {
      'stack-name': inputs.stackName,
      region: context.session.region,
      ...(plan ? planOutputs(plan) : {}),
      ...(stack
        ? stepOutputs(shownOutputs(stack.outputs), (message) => {
            context.log.notice(message);
          })
        : {}),
    },
    result: resultOf(work, ending, reportOf(work, ending)),
    summary: sectionsOf(work, ending),
  };
}

function planOutputs(plan: Plan): Record<string, string> {
  return {
    'has-changes': String(plan.hasChanges),
    plan: plan.hasChanges ? plan.changeSetName : '',
    fingerprint: plan.fingerprint,
    changes: changesJson(plan.changes),
  };
}

/** Without values, which may be long or secret; without the properties too when the list is very long. */
function changesJson(changes: readonly ResourceChange[]): string {
  const short = changes.map(({ logicalId, nesting, type, action, replacement, policyAction }) => ({
    logicalId,
    nesting,
    type,
    action,
    replacement,
    ...(policyAction === undefined ? {} : { policyAction }),
  }));
  const whole = short.map((change, index) => ({
    ...change,
    properties: (changes[index]?.properties ?? []).map(({ path }) => path),
  }));
  const json = JSON.stringify(whole);
  return json.length <= CHANGES_LIMIT ? json : JSON.stringify(short);
}
