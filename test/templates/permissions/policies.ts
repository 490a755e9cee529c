import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { readParameters } from '../../../scripts/templates/reference.ts';
import { readTemplate, type Json, type JsonMap } from '../../../scripts/templates/template.ts';

export interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: Json;
  Condition?: JsonMap;
}

/** The templates that create the roles of the workflows, and their permissions. */
export const BOOTSTRAP = ['bootstrap', 'bootstrap-execution', 'bootstrap-previews'] as const;

interface Policy {
  PolicyName: string;
  PolicyDocument: { Statement: Statement[] };
}

interface Properties {
  RoleName?: string;
  Policies?: Policy[];
  ManagedPolicyArns?: { Ref?: string }[];
  PolicyDocument?: Policy['PolicyDocument'];
  Roles?: string[];
}

const resolved = BOOTSTRAP.map((name) =>
  resolveTemplate(readTemplate(name), readParameters('dev').Parameters),
);

/**
 * The policies of a bootstrap role by name: its own, those that its template attaches, and those of another template.
 */
function policiesOf(role: string): Record<string, Statement[]> {
  const home = resolved.find(({ resources }) => role in resources);
  if (!home) throw new Error(`no template of the bootstrap has the role ${role}`);
  const { RoleName, Policies = [], ManagedPolicyArns = [] } = propertiesOf(home.resources[role]);
  const referred = ManagedPolicyArns.map(({ Ref = '' }): [string, Statement[]] => {
    const { PolicyDocument } = propertiesOf(home.resources[Ref]);
    if (!PolicyDocument) throw new Error(`${role} has the policy ${Ref}, which is not in the template`);
    return [Ref, PolicyDocument.Statement];
  });
  const attached = resolved.flatMap(({ resources }) =>
    Object.entries(resources).flatMap(([name, resource]): [string, Statement[]][] => {
      const { Roles = [], PolicyDocument } = propertiesOf(resource);
      return PolicyDocument && RoleName !== undefined && Roles.includes(RoleName)
        ? [[name, PolicyDocument.Statement]]
        : [];
    }),
  );
  const own = Policies.map(({ PolicyName, PolicyDocument }): [string, Statement[]] => [
    PolicyName,
    PolicyDocument.Statement,
  ]);
  return Object.fromEntries([...own, ...referred, ...attached]);
}

function propertiesOf(resource: { Properties?: JsonMap } | undefined): Properties {
  return resource?.Properties ?? {};
}

/** All statements of a bootstrap role. */
export function statementsOf(role: string): Statement[] {
  return Object.values(policiesOf(role)).flat();
}

/** Whether some statement allows an action on any resource. */
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
