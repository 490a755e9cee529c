import type { Stack } from '../../../sandbox/cloudformation/engine/stack.ts';
import { type Decision, decisionsOf } from '../../../sandbox/iam/decisions.ts';
import { evaluate } from '../../../sandbox/iam/policies/evaluation.ts';
import { identityStore } from '../../../sandbox/iam/roles.ts';
import type { World } from '../../../sandbox/world.ts';

/** A statement in a template's stack. */
type Statement = Record<string, unknown> & { Sid?: string; Effect: string; Action: string | string[] };

/** A policy of a bootstrap stack, by the name without the environment. */
export interface BootstrapPolicy {
  /** `bootstrap: DeployRole.PushImages`, `bootstrap: ReadPolicy` */
  name: string;
  statements: readonly Statement[];
}

interface Document {
  Statement: Statement | Statement[];
}

/** The identity policies of each role in bootstrap stacks, by the role's ARN. */
export function policiesByRole(stacks: readonly Stack[]): Map<string, BootstrapPolicy[]> {
  const byRole = new Map(stacks.flatMap(rolesOf));
  for (const stack of stacks) {
    for (const { properties, policy } of managedOf(stack)) {
      for (const role of (properties['Roles'] ?? []) as string[])
        byRole.get(arnOf(stack, role))?.push(policy);
    }
  }
  return byRole;
}

function rolesOf(stack: Stack): [arn: string, policies: BootstrapPolicy[]][] {
  const managed = new Map(managedOf(stack).map(({ physicalId, policy }) => [physicalId, policy]));
  return [...stack.resources.values()]
    .filter(({ type }) => type === 'AWS::IAM::Role')
    .map(({ logicalId, physicalId, properties }) => {
      const inline = (properties['Policies'] ?? []) as { PolicyName: string; PolicyDocument: unknown }[];
      const attached = (properties['ManagedPolicyArns'] ?? []) as string[];
      const policies = [
        ...inline.map(({ PolicyName, PolicyDocument }) => ({
          name: `${templateOf(stack)}: ${logicalId}.${PolicyName}`,
          statements: statementsIn(PolicyDocument),
        })),
        ...attached.flatMap((arn) => managed.get(arn) ?? []),
      ];
      return [arnOf(stack, physicalId), policies];
    });
}

function managedOf(stack: Stack) {
  return [...stack.resources.values()]
    .filter(({ type }) => type === 'AWS::IAM::ManagedPolicy')
    .map(({ physicalId, logicalId, properties }) => ({
      physicalId,
      properties,
      policy: {
        name: `${templateOf(stack)}: ${logicalId}`,
        statements: statementsIn(properties['PolicyDocument']),
      },
    }));
}

const templateOf = ({ name }: Stack): string => name.replace(/^.*?-(?=bootstrap)/, '');
const arnOf = ({ account }: Stack, role: string): string => `arn:aws:iam::${account}:role/${role}`;

function statementsIn(document: unknown): Statement[] {
  return [(document as Document).Statement].flat();
}

export interface Coverage {
  /**
   * Every statement of the roles that made a call, as `bootstrap: ReadPolicy Stacks`, or by its number if it has no
   * Sid.
   */
  statements: ReadonlySet<string>;
  /** Statements whose removal denies an allowed call, with such a call. */
  needed: ReadonlyMap<string, string>;
  /** The same for each action of a statement, as `… ecs:Describe*`. */
  actions: ReadonlySet<string>;
  neededActions: ReadonlySet<string>;
  /** The roles that made no call, whose statements are not checked. */
  unasked: readonly string[];
  /** The number of distinct checks that were repeated. */
  questions: number;
}

/**
 * Repeats each allowed check without each statement, and without each action of it. A check that no other statement
 * allows needs it.
 */
export function coverageOf(
  decisions: readonly Decision[],
  byRole: ReadonlyMap<string, readonly BootstrapPolicy[]>,
): Coverage {
  const statements = new Set<string>();
  const actions = new Set<string>();
  const needed = new Map<string, string>();
  const neededActions = new Set<string>();
  const asked = new Set(decisions.map(({ roleArn }) => roleArn));
  const parts = new Map(
    [...byRole].flatMap(([role, policies]) =>
      asked.has(role) ? [[role, policies.flatMap(partsOf)] as const] : [],
    ),
  );
  for (const { statement, pattern } of [...parts.values()].flat()) {
    statements.add(statement);
    actions.add(`${statement} ${pattern}`);
  }
  const questions = allowed(decisions);
  for (const decision of questions) {
    const allowing = (parts.get(decision.roleArn) ?? []).filter(({ alone }) => allows(alone, decision));
    const [first] = allowing;
    if (!first) continue;
    if (allowing.length === 1) neededActions.add(`${first.statement} ${first.pattern}`);
    if (new Set(allowing.map(({ statement }) => statement)).size === 1 && !needed.has(first.statement)) {
      needed.set(first.statement, `${decision.action} on ${decision.resource}`);
    }
  }
  const unasked = [...byRole.keys()].filter((role) => !asked.has(role));
  return { statements, needed, actions, neededActions, unasked, questions: questions.length };
}

/** A statement with only one of its actions. */
interface Part {
  statement: string;
  pattern: string;
  alone: Record<string, unknown>;
}

function partsOf({ name, statements }: BootstrapPolicy): Part[] {
  return statements.flatMap((statement, index) =>
    [statement.Action].flat().map((pattern) => ({
      statement: `${name} ${statement.Sid ?? `#${index + 1}`}`,
      pattern,
      alone: { Version: '2012-10-17', Statement: [{ ...statement, Action: pattern }] },
    })),
  );
}

function allows(document: Record<string, unknown>, decision: Decision): boolean {
  const { principalArn, roleArn, action, resource, context, isPartial } = decision;
  return (
    evaluate(document, {
      principal: { kind: 'AWS', names: [principalArn, roleArn] },
      action,
      resource,
      context,
      ...(isPartial && { isPartial }),
    }).effect === 'allow'
  );
}

/** The distinct allowed checks. */
function allowed(decisions: readonly Decision[]): Decision[] {
  const unique = new Map<string, Decision>();
  for (const decision of decisions) {
    if (decision.outcome !== 'allow') continue;
    const { roleArn, action, resource, context } = decision;
    const { 'aws:CurrentTime': _time, 'aws:EpochTime': _epoch, ...lasting } = context;
    unique.set(JSON.stringify([roleArn, action, resource, lasting]), decision);
  }
  return [...unique.values()];
}

/** The statements of boundaries that allowed the calls of layers' roles, as `platform-dev-boundary Images`. */
export function boundaryCoverage(world: World): string[] {
  const store = identityStore(world);
  const needed = decisionsOf(world).all.flatMap((decision) => {
    const [, account = '', environment = '', preview = ''] =
      /^arn:aws:iam::(\d+):role\/([a-z]+)-platform-(pr-)?/.exec(decision.roleArn) ?? [];
    if (account === '' || decision.outcome !== 'allow') return [];
    const name = `platform-${environment}-${preview === '' ? '' : 'preview-'}boundary`;
    const document = store.managedPolicy(`arn:aws:iam::${account}:policy/${name}`);
    return statementsIn(document)
      .filter((statement) => allows({ Version: '2012-10-17', Statement: [statement] }, decision))
      .map(({ Sid = '' }) => `${name} ${Sid}`);
  });
  return [...new Set(needed)].sort();
}
