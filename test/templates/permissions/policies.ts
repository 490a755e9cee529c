import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { readParameterFile } from '../../../scripts/templates/reference.ts';
import { readTemplate, type Json, type JsonMap } from '../../../scripts/templates/template.ts';

export interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: Json;
  Condition?: JsonMap;
}

/** The statements of a role of the bootstrap, its own and those of its template's managed policies on it. */
export function statementsOf(role: string): Statement[] {
  const { Parameters } = readParameterFile('dev');
  const template = ['bootstrap', 'bootstrap-previews']
    .map(readTemplate)
    .find(({ Resources }) => role in Resources);
  if (!template) throw new Error(`no template of the bootstrap has the role ${role}`);
  const { resources } = resolveTemplate(template, Parameters);
  const { Policies = [], ManagedPolicyArns = [] } = (resources[role]?.Properties ?? {}) as {
    Policies?: { PolicyDocument: Document }[];
    ManagedPolicyArns?: { Ref?: string }[];
  };
  const managed = ManagedPolicyArns.map(({ Ref = '' }) => {
    const { PolicyDocument } = (resources[Ref]?.Properties ?? {}) as { PolicyDocument?: Document };
    if (!PolicyDocument) throw new Error(`${role} has the policy ${Ref}, which is not in the template`);
    return PolicyDocument;
  });
  return [...Policies.map(({ PolicyDocument }) => PolicyDocument), ...managed].flatMap(
    ({ Statement }) => Statement,
  );
}

interface Document {
  Statement: Statement[];
}

/** Whether some statement allows an action, on anything. */
export function allows(statements: readonly Statement[], action: string): boolean {
  return statements.some(({ Effect, Action }) => {
    const patterns = typeof Action === 'string' ? [Action] : Action;
    return Effect === 'Allow' && patterns.some((pattern) => matches(pattern, action));
  });
}

function matches(pattern: string, action: string): boolean {
  const source = pattern.replaceAll(/[.+^$()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`, 'i').test(action);
}
