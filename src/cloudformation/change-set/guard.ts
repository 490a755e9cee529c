import { STACK_TYPE } from '../stack.ts';
import { type Holding, STATEFUL_TYPES } from './stateful.ts';
import { pathOf, type Plan, type ResourceChange } from './changes.ts';
import type { Template } from '../template/template.ts';

export interface GuardFinding {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  harm: 'replace' | 'maybe-replace' | 'delete' | 'traffic';
  /** What would happen, why, and the input that allows it. */
  message: string;
  /** The input and the value that allow the change; absent if nothing allows it. */
  allow?: { input: 'allow-replace' | 'allow-delete' | 'allow-traffic-reset'; value: string };
  /** 1-based line in the template. */
  line?: number;
}

type Harm = Exclude<GuardFinding['harm'], 'traffic'>;

/** Logical ids, with the nested stacks as a prefix (`Database/Table`), or resource types. */
export interface Allowed {
  allowReplace: readonly string[];
  allowDelete: readonly string[];
}

/**
 * The changes of a plan that would lose data or an identity and are not allowed by name. If empty, the plan may be executed.
 *
 * Guarded are stateful types, third-party types (except `Custom::`), and nested stacks that are deleted with their
 * contents. The rules err on the safe side:
 * - A replacement is guarded whatever its policy is: with Retain or Snapshot the old data is kept, but the stack continues
 *   with an empty resource.
 * - A conditional replacement is guarded like a certain one, because CloudFormation decides about it only during the
 *   execution, when it can no longer be stopped.
 * - A deletion is guarded unless its policy is Retain, which only removes the resource from the stack. A final snapshot is
 *   no exception: it keeps the data, but whatever uses the resource fails.
 */
export function guardPlan(
  plan: Pick<Plan, 'changes'>,
  template: Template | undefined,
  allowed: Allowed,
): GuardFinding[] {
  return plan.changes.flatMap((change) => {
    const holding = holdingOf(change);
    const harm = holding && harmOf(change, plan);
    if (!harm) return [];
    const input = harm === 'delete' ? 'allow-delete' : 'allow-replace';
    const list = harm === 'delete' ? allowed.allowDelete : allowed.allowReplace;
    const path = pathOf(change);
    if ([path, change.logicalId, change.type].some((name) => list.includes(name))) return [];
    const own = change.nesting.length === 0 ? template : undefined;
    const line = own?.lineOf(`Resources.${change.logicalId}`);
    const policy = own?.resources[change.logicalId]?.updateReplacePolicy;
    return [
      {
        logicalId: change.logicalId,
        nesting: change.nesting,
        type: change.type,
        harm,
        message: `${path} (${change.type}) ${consequence(change, harm, holding, policy)}. To allow it: ${input}: ${path}`,
        allow: { input, value: path },
        ...(line !== undefined && { line }),
      } satisfies GuardFinding,
    ];
  });
}

function harmOf(change: ResourceChange, plan: Pick<Plan, 'changes'>): Harm | undefined {
  if (change.action === 'remove') {
    if (change.policyAction === 'Retain') return undefined;
    return change.type === STACK_TYPE && isListed(change, plan) ? undefined : 'delete';
  }
  if (change.action === 'dynamic') return 'maybe-replace';
  if (change.action !== 'modify') return undefined;
  if (change.replacement === 'yes' || change.policyAction?.startsWith('ReplaceAnd')) return 'replace';
  return change.replacement === 'maybe' ? 'maybe-replace' : undefined;
}

/** Types without data whose replacement has another address: a DNS name, an IP address or a URL. */
const ADDRESS_TYPES: ReadonlySet<string> = new Set([
  'AWS::ApiGateway::RestApi',
  'AWS::ApiGatewayV2::Api',
  'AWS::AppRunner::Service',
  'AWS::AppSync::GraphQLApi',
  'AWS::CloudFront::Distribution',
  'AWS::EC2::NatGateway',
  'AWS::EC2::NetworkInterface',
  'AWS::EC2::VPNConnection',
  'AWS::ElasticLoadBalancing::LoadBalancer',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::Lambda::Url',
  'AWS::RDS::DBProxy',
  'AWS::SNS::Topic',
  'AWS::Transfer::Server',
]);

/** Whether resources of a type have an address that their replacement loses. */
export function hasAddress(type: string): boolean {
  return ADDRESS_TYPES.has(type);
}

/** What the replacement or deletion of a resource loses: `its objects`; undefined for nothing. */
export function heldBy(change: Pick<ResourceChange, 'type' | 'holdsNothing'>): string | undefined {
  return holdingOf(change)?.what;
}

/**
 * Whether the replacement or deletion of a resource loses data or an address. Resources such as task definitions and
 * permissions lose neither: the new one is identical.
 */
export function losesDataOrAddress(change: Pick<ResourceChange, 'type' | 'holdsNothing'>): boolean {
  return holdingOf(change) !== undefined || ADDRESS_TYPES.has(change.type);
}

const THIRD_PARTY: Holding = { kind: 'data', what: 'its data' };

function holdingOf({
  type,
  holdsNothing,
}: Pick<ResourceChange, 'type' | 'holdsNothing'>): Holding | undefined {
  if (holdsNothing === true || type.startsWith('Custom::')) return undefined;
  return type.startsWith('AWS::') ? STATEFUL_TYPES.get(type) : THIRD_PARTY;
}

/** Whether the plan lists the resources of a nested stack, so that each of them is guarded. */
function isListed({ nesting, logicalId }: ResourceChange, plan: Pick<Plan, 'changes'>): boolean {
  const path = [...nesting, logicalId];
  return plan.changes.some((change) => path.every((id, index) => change.nesting[index] === id));
}

function consequence(
  change: ResourceChange,
  harm: Harm,
  { kind, what }: Holding,
  updateReplacePolicy: string | undefined,
): string {
  if (harm === 'delete') {
    const snapshot = change.policyAction === 'Snapshot';
    return snapshot ? `would be deleted; a final snapshot keeps ${what}` : `would be deleted with ${what}`;
  }
  const causes = change.properties.filter(({ requiresRecreation }) => requiresRecreation !== 'never');
  const because = causes.length > 0 ? ` because of ${causes.map(({ path }) => path).join(', ')}` : '';
  const policy = change.policyAction?.replace(/^ReplaceAnd/, '') ?? updateReplacePolicy ?? 'Delete';
  const successor = kind === 'data' ? 'a new, empty one' : 'a new one';
  const kept: Readonly<Record<string, string>> = {
    Retain: `the old one is retained outside the stack with ${what}, and the stack continues with ${successor}`,
    Snapshot: `a snapshot keeps ${what}, and the stack continues with ${successor}`,
  };
  if (harm === 'replace') {
    return kept[policy]
      ? `would be replaced${because}: ${kept[policy]}`
      : `would be replaced${because}, which loses ${what}`;
  }
  const then = kept[policy] ?? `a replacement loses ${what}`;
  return `may be replaced${because} (CloudFormation decides during the update): ${then}`;
}
