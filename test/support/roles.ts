import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { startSandbox, type Sandbox, type Scenario } from '../../sandbox/index.ts';
import { credentialStore } from '../../sandbox/iam/credentials.ts';
import { identityStore } from '../../sandbox/iam/roles.ts';
import { bootstrapped, type BootstrappedPlatform } from '../../sandbox/scenario/bootstrapped.ts';

/** The roles of the workflows' jobs. */
export type JobRole = 'plan' | 'deploy' | 'preview' | 'preview-cleanup';

type Policies = Record<string, Record<string, unknown>>;
type Role = NonNullable<Scenario['roles']>[number];

const OF_ENVIRONMENTS = ['plan', 'deploy', 'execution'] as const;
const OF_PREVIEWS = ['preview', 'preview-cleanup', 'preview-execution'] as const;
const ACCOUNT = '111111111111';
const ROOT = resolve(import.meta.dirname, '../..');
/** Placeholders for any name. */
const PROJECT = 'anyproject';
const ENVIRONMENT = 'anyenv';
const ZONE = 'Z0ANYZONE';
const EXECUTION = 'bootstrap-execution';

/** The boundary of roles in templates. How far it reaches is tested in test/templates/attempts.test.ts. */
const BOUNDARY = 'bootstrap-boundary';
const ALLOW_ALL = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/** The role that a job of `actingAs` passes to CloudFormation. */
export const EXECUTION_ROLE = arnOf(ACCOUNT, EXECUTION);

/**
 * The alternative for templates with resource types that no layer of the platform has: a role that allows every action.
 */
export const EXECUTION_OF_ANY_TYPE = arnOf(ACCOUNT, 'any-type-execution');

const widened = await rolesOfAnyName();

/**
 * The roles that an administrator created for a platform with the bootstrap templates, without their stacks. They are
 * created once and cached in .cache.
 */
export async function bootstrapRoles(platform: BootstrappedPlatform): Promise<Role[]> {
  const stacks = bootstrapped(platform);
  const hash = createHash('sha256').update(
    JSON.stringify(stacks.map(({ name, account, parameters }) => [name, account, parameters])),
  );
  for (const template of new Set(stacks.map(({ template }) => template))) hash.update(readFileSync(template));
  const file = join(ROOT, '.cache/roles', `${hash.digest('hex').slice(0, 16)}.json`);
  const known = readIfThere(file);
  if (known !== undefined) return JSON.parse(known) as Role[];
  const roles = await madeBy(platform);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(roles));
  renameSync(`${file}.${process.pid}`, file);
  return roles;
}

async function madeBy(platform: BootstrappedPlatform): Promise<Role[]> {
  const { project = 'platform', environments, previews = [] } = platform;
  const sandbox = await startSandbox({ scenario: { stacks: bootstrapped(platform) } });
  try {
    const store = identityStore(sandbox.world);
    return Object.entries(environments).flatMap(([environment, account]) =>
      [...OF_ENVIRONMENTS, ...(previews.includes(environment) ? OF_PREVIEWS : [])].map((name) => {
        const arn = arnOf(account, `${project}-${environment}-${name}`);
        const role = store.role(arn);
        const permissions = role && store.permissionsOf(role);
        if (!permissions) throw new Error(`the bootstrap has no role ${arn}`);
        const { trustPolicy: trust, maxSessionSeconds } = role;
        return { arn, trust, maxSessionSeconds, policies: permissions.policies as Policies };
      }),
    );
  } finally {
    await sandbox.close();
  }
}

/**
 * The policies of the bootstrap's roles for a project and an environment with any name. Tests use clusters, stacks and
 * parameters with many names. This checks which calls an action makes, on which kind of resource and under which
 * conditions; that names match is tested with the whole platform in test/acceptance/bootstrap.
 */
async function rolesOfAnyName(): Promise<Map<string, Role>> {
  const platform = {
    project: PROJECT,
    environments: { [ENVIRONMENT]: ACCOUNT },
    previews: [ENVIRONMENT],
    zones: { [ENVIRONMENT]: ZONE },
  };
  const roles = await bootstrapRoles(platform);
  const prefix = `${PROJECT}-${ENVIRONMENT}-`;
  return new Map(
    roles.map((role) => [role.arn.slice(role.arn.indexOf(prefix) + prefix.length), withAnyName(role)]),
  );
}

interface Statement {
  Effect: string;
  Condition?: Record<string, Record<string, string | string[]>>;
}

function withAnyName(role: Role): Role {
  const documents = role.policies as Record<string, { Statement: Statement[] }>;
  const policies = Object.entries(documents).map(([name, { Statement, ...rest }]) => [
    name,
    { ...rest, Statement: Statement.map(ofAnyName) },
  ]);
  return { ...role, policies: Object.fromEntries(policies) as Policies };
}

/** `stack/anyenv-anyproject-*` becomes `stack/*`, and the artifact bucket becomes any bucket. */
function ofAnyName(statement: Statement): Statement {
  const named = [PROJECT, ENVIRONMENT, ZONE].reduce(
    (text, name) => text.replaceAll(name, '*'),
    JSON.stringify(statement),
  );
  const isAllowed = statement.Effect === 'Allow';
  const text = isAllowed ? named.replaceAll(/arn:aws:s3:::[^/"]+/g, 'arn:aws:s3:::*') : named;
  const { Condition, ...rest } = JSON.parse(text.replaceAll(/\*(?:[-/]\*)+/g, '*')) as Statement;
  return Condition === undefined
    ? rest
    : { ...rest, Condition: Object.fromEntries(Object.entries(Condition).map(asPattern)) };
}

/** A value in which a name has become `*` is a pattern. */
function asPattern([operator, keys]: [string, Record<string, string | string[]>]): [string, typeof keys] {
  const hasPattern = Object.values(keys)
    .flat()
    .some((value) => value.includes('*'));
  return [hasPattern ? operator.replace(/^(String(?:Not)?)Equals$/, '$1Like') : operator, keys];
}

/** Creates a role with the permissions of a bootstrap role and additional actions. */
function putRole(sandbox: Sandbox, arn: string, as: JobRole | 'execution', also: readonly string[]): void {
  const account = arn.split(':')[4] ?? '';
  const { trust, policies } = JSON.parse(
    JSON.stringify(widened.get(as)).replaceAll(ACCOUNT, account),
  ) as Required<Role>;
  if (also.length > 0) {
    policies['Also'] = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: [...also], Resource: '*' }],
    };
  }
  identityStore(sandbox.world).putRole(arn, trust, 7200, { policies });
}

interface ActingAs {
  account?: string;
  /** Actions that an action's page requires in addition to the bootstrap role. */
  also?: readonly string[];
}

/** The environment of a step whose job has assumed a role for names of any kind, and CloudFormation's role. */
export function actingAs(
  sandbox: Sandbox,
  as: JobRole,
  { account = ACCOUNT, also = [] }: ActingAs = {},
): Record<string, string> {
  const name = also.length > 0 ? `bootstrap-${as}-and-more` : `bootstrap-${as}`;
  const roleArn = arnOf(account, name);
  const store = identityStore(sandbox.world);
  if (!store.role(roleArn)) putRole(sandbox, roleArn, as, also);
  const execution = arnOf(account, EXECUTION);
  if (!store.role(execution)) {
    putRole(sandbox, execution, 'execution', []);
    store.putManagedPolicy(`arn:aws:iam::${account}:policy/${BOUNDARY}`, ALLOW_ALL);
  }
  return sessionOf(sandbox, roleArn);
}

/** The environment of a step whose job has assumed an existing role. */
export function sessionOf(sandbox: Sandbox, roleArn: string): Record<string, string> {
  const known = identityStore(sandbox.world).role(roleArn);
  if (!known?.policies) throw new Error(`the sandbox has no role ${roleArn} with policies`);
  const [, , , , account = '', role = ''] = roleArn.split(':');
  const arn = `arn:aws:sts::${account}:assumed-${role}/job`;
  const session = { roleArn, policies: [], context: {} };
  const issued = credentialStore(sandbox.world).issue({ arn, account, session }, 3600);
  return {
    ...sandbox.env(account),
    AWS_ACCESS_KEY_ID: issued.accessKeyId,
    AWS_SECRET_ACCESS_KEY: issued.secretAccessKey,
    AWS_SESSION_TOKEN: issued.sessionToken,
  };
}

/**
 * The environment variables of a job that runs a command on an environment: no AWS keys, and identity tokens with the
 * GitHub environment if the workflows use one. Read-only commands have none.
 */
export function jobOf(
  sandbox: Pick<Sandbox, 'jobEnv'>,
  environment: string,
  inputs: Record<string, string>,
): Record<string, string> {
  const { ACTIONS_ID_TOKEN_REQUEST_TOKEN = '' } = sandbox.jobEnv({
    permissions: { 'id-token': 'write' },
    claims: roleFor(inputs) === 'plan' ? {} : { environment },
  });
  const keys = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' };
  return { ACTIONS_ID_TOKEN_REQUEST_TOKEN, ...keys };
}

/** The role with which the workflows run a command. Read-only commands have a read-only role. */
export function roleFor({
  command = '',
  'dry-run': dryRun,
  'revert-drift': reverts,
}: Record<string, string>): JobRole {
  const looks = ['plan', 'drift', 'status', 'doctor'].includes(command) || dryRun === 'true';
  return looks && reverts !== 'true' ? 'plan' : 'deploy';
}

/** The ARN of a role without a path. */
export function arnOf(account: string, name: string): string {
  return `arn:aws:iam::${account}:role/${name}`;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
