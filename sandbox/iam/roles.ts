import { partitionOf, type World } from '../world.ts';
import { parsePolicy } from './policies/document.ts';
import type { PolicyDocument } from './policies/policy.ts';
import { evaluate, type Permissions, type PrincipalNames } from './policies/evaluation.ts';
import type { Context } from './policies/policy.ts';

/** A role's AssumeRolePolicyDocument, as written. */
export type TrustPolicy = Record<string, unknown>;

/** The permissions of a role. */
interface Grants {
  /** Inline policies by name. */
  policies: Readonly<Record<string, PolicyDocument>>;
  /** ARNs of managed policies. */
  attached?: readonly string[];
  /** The permissions boundary: a policy, or the ARN of a managed one. */
  boundary?: PolicyDocument;
}

export interface Role extends Partial<Grants> {
  arn: string;
  trustPolicy: TrustPolicy;
  /** MaxSessionDuration in seconds. */
  maxSessionSeconds: number;
  tags?: Readonly<Record<string, string>>;
}

/** A policy that another resource attaches to roles, such as AWS::IAM::Policy. */
interface Grant {
  roles: readonly string[];
  name: string;
  document: PolicyDocument;
}

/**
 * Managed policies of AWS, by the path in their ARN.
 *
 * @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html
 */
const AWS_MANAGED: Readonly<Record<string, PolicyDocument>> = {
  'service-role/AmazonECSTaskExecutionRolePolicy': {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: [
          'ecr:GetAuthorizationToken',
          'ecr:BatchCheckLayerAvailability',
          'ecr:GetDownloadUrlForLayer',
          'ecr:BatchGetImage',
          'logs:CreateLogStream',
          'logs:PutLogEvents',
        ],
        Resource: '*',
      },
    ],
  },
};

/**
 * The roles of all accounts by ARN: the scenario's, and those that CloudFormation creates. A role with `policies` has
 * only their permissions; one without has every permission.
 */
export class IdentityStore {
  readonly #roles = new Map<string, Role>();
  readonly #deleted = new Set<string>();
  readonly #managed = new Map<string, PolicyDocument>();
  readonly #grants = new Map<string, Grant>();

  role(arn: string): Role | undefined {
    return this.#roles.get(arn);
  }

  /** The role with a name in an account, whatever its path. */
  roleNamed(account: string, name: string): Role | undefined {
    return [...this.#roles.values()].find(({ arn }) => arn.split(':')[4] === account && nameOf(arn) === name);
  }

  /** Throws MalformedPolicyDocument. */
  putRole(arn: string, trustPolicy: TrustPolicy, maxSessionSeconds = 3600, more: Partial<Role> = {}): void {
    for (const document of Object.values(more.policies ?? {})) parsePolicy(document);
    this.#deleted.delete(arn);
    this.#roles.set(arn, { ...more, arn, trustPolicy, maxSessionSeconds });
  }

  /** Creates the service-linked role of a service. */
  putLinkedRole(place: { account: string; region: string }, service: string, name: string): void {
    const trusted = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
    this.putRole(linkedRoleArn(place, service, name), { Version: '2012-10-17', Statement: [trusted] });
  }

  /** Whether such a role existed and was deleted. */
  isDeleted(arn: string): boolean {
    return this.#deleted.has(arn);
  }

  deleteRole(arn: string): void {
    this.#roles.delete(arn);
    this.#deleted.add(arn);
  }

  /** Throws MalformedPolicyDocument. */
  putManagedPolicy(arn: string, document: PolicyDocument): void {
    parsePolicy(document);
    this.#managed.set(arn, document);
  }

  /** Whether the sandbox has every policy of a role: it has only some of AWS's own. */
  hasPoliciesOf(roleArn: string): boolean {
    const { attached = [], boundary } = this.role(roleArn) ?? {};
    const named = typeof boundary === 'string' && boundary.startsWith('arn:') ? [boundary] : [];
    return [...attached, ...named].every((arn) => this.#documentOf(arn) !== undefined);
  }

  #documentOf(arn: string): PolicyDocument | undefined {
    return this.#managed.get(arn) ?? AWS_MANAGED[arn.replace(/^arn:[^:]+:iam::aws:policy\//, '')];
  }

  /** The document of a managed policy. Throws for one that the sandbox does not have. */
  managedPolicy(arn: string): PolicyDocument {
    const document = this.#documentOf(arn);
    if (document === undefined) throw new Error(`the sandbox does not have the managed policy ${arn}`);
    return document;
  }

  deleteManagedPolicy(arn: string): void {
    this.#managed.delete(arn);
  }

  /**
   * Attaches a policy to roles, replacing those that the same source attached before. Throws MalformedPolicyDocument.
   */
  putGrant(source: string, grant: Grant): void {
    parsePolicy(grant.document);
    this.#grants.set(source, grant);
  }

  deleteGrant(source: string): void {
    this.#grants.delete(source);
  }

  /**
   * The permissions of a role, or undefined if it has every permission. Throws for a managed policy that the sandbox
   * does not have.
   */
  permissionsOf(role: Role): Omit<Permissions, 'session'> | undefined {
    if (!role.policies) return undefined;
    const attached = (role.attached ?? []).map((arn) => [nameOf(arn), this.managedPolicy(arn)] as const);
    const granted = [...this.#grants.values()]
      .filter(({ roles }) => roles.includes(role.arn))
      .map(({ name, document }) => [name, document] as const);
    const { boundary } = role;
    return {
      policies: { ...role.policies, ...Object.fromEntries([...attached, ...granted]) },
      ...(boundary !== undefined && {
        boundary:
          typeof boundary === 'string' && boundary.startsWith('arn:')
            ? this.managedPolicy(boundary)
            : boundary,
      }),
    };
  }
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html */
export function linkedRoleArn(
  { account, region }: { account: string; region: string },
  service: string,
  name: string,
): string {
  return `arn:${partitionOf(region).id}:iam::${account}:role/aws-service-role/${service}/${name}`;
}

export function identityStore(world: World): IdentityStore {
  return world.store('', '', 'identity', () => {
    const store = new IdentityStore();
    for (const { arn, trust, maxSessionSeconds, policies, boundary, tags } of world.scenario.roles ?? [])
      store.putRole(arn, trust, maxSessionSeconds, {
        ...(policies && { policies }),
        ...(boundary && { boundary }),
        ...(tags && { tags }),
      });
    return store;
  });
}

/** The caller who assumes a role, and the values of the condition keys. */
export interface TrustRequest {
  action: string;
  principal: PrincipalNames;
  context: Context;
}

/** IAM's rule for a resource-based policy, such as a trust policy: a statement must allow, and none may deny. */
export function trusts(policy: TrustPolicy, request: TrustRequest): boolean {
  return evaluate(policy, { ...request, resource: '*' }).effect === 'allow';
}
