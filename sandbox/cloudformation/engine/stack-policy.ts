import { invalid } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { isObject, textOf } from '../json.ts';
import type { Stack } from './stack.ts';

export type PolicyAction = 'Update:Modify' | 'Update:Replace' | 'Update:Delete';

const MEMBERS = ['Effect', 'Action', 'NotAction', 'Principal', 'Resource', 'NotResource', 'Condition', 'Sid'];

/** Checks the text of a stack policy. Throws AWS's single message for any error. */
export function checkStackPolicy(body: string): void {
  const statements = statementsOf(body);
  if (!statements?.every(isStatement)) throw invalid('Error validating stack policy: Invalid stack policy');
}

function statementsOf(body: string): Json[] | undefined {
  try {
    const policy = JSON.parse(body) as Json;
    if (!isObject(policy)) return undefined;
    const { Statement: statement = [] } = policy;
    return Array.isArray(statement) ? statement : [statement];
  } catch {
    return undefined;
  }
}

function isStatement(statement: Json): boolean {
  if (!isObject(statement)) return false;
  const actions = [statement.Action ?? statement.NotAction ?? []].flat();
  return (
    Object.keys(statement).every((key) => MEMBERS.includes(key)) &&
    (statement.Effect === 'Allow' || statement.Effect === 'Deny') &&
    statement.Principal === '*' &&
    actions.length > 0 &&
    actions.every((action) => /^(Update:(\*|Modify|Replace|Delete)|\*)$/.test(textOf(action)))
  );
}

/**
 * Why the stack's policy denies an update of a resource, or undefined if it allows it. As in AWS, a policy denies
 * everything that it does not allow, and without a policy everything is allowed.
 */
export function policyDenial(
  stack: Stack,
  action: PolicyAction,
  resource: { logicalId: string; type: string },
): string | undefined {
  const body = stack.policyDuringUpdate ?? stack.policy;
  if (body === undefined) return undefined;
  const statements = (statementsOf(body) ?? []).filter(isObject);
  if (statements.length === 0) return undefined;
  const applying = statements.filter((statement) => applies(statement, action, resource));
  const denying = applying.find(({ Effect: effect }) => effect === 'Deny');
  const target = `LogicalResourceId/${resource.logicalId}`;
  if (denying) {
    const number = statements.indexOf(denying) + 1;
    return `Action denied by stack policy: Statement [#${number}] does not allow [${action}] for resource [${target}];`;
  }
  return applying.length > 0
    ? undefined
    : `Action not allowed by stack policy: no statement allows [${action}] for resource [${target}];`;
}

function applies(
  statement: JsonObject,
  action: PolicyAction,
  resource: { logicalId: string; type: string },
): boolean {
  const target = `LogicalResourceId/${resource.logicalId}`;
  const { Action, NotAction, Resource, NotResource, Condition } = statement;
  const actionFits = Action === undefined ? !anyFits(NotAction, action) : anyFits(Action, action);
  const resourceFits = Resource === undefined ? !anyFits(NotResource, target) : anyFits(Resource, target);
  return actionFits && resourceFits && conditionHolds(Condition, resource.type);
}

/** ResourceType is the only condition key of stack policies. */
function conditionHolds(condition: Json | undefined, type: string): boolean {
  if (!isObject(condition)) return true;
  return Object.values(condition).every((test) => !isObject(test) || anyFits(test.ResourceType, type));
}

function anyFits(patterns: Json | undefined, text: string): boolean {
  return [patterns ?? []].flat().some((pattern) => wildcard(textOf(pattern)).test(text));
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
}
