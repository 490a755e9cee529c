import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { credentialStore } from '../../sandbox/iam/credentials.ts';
import { identityStore } from '../../sandbox/iam/roles.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';

/** The roles that the jobs of the workflows take. */
export type JobRole = 'plan' | 'deploy' | 'preview' | 'preview-cleanup';

type Policies = Record<string, Record<string, unknown>>;

const ROLES: readonly JobRole[] = ['plan', 'deploy', 'preview', 'preview-cleanup'];
const ACCOUNT = '111111111111';
const ROOT = resolve(import.meta.dirname, '../..');
/** Names that stand for any. */
const PROJECT = 'anyproject';
const ENVIRONMENT = 'anyenv';

const policies = await widenedPolicies();

/**
 * The policies of the bootstrap's roles, for a project and an environment of any name. Tests have clusters, stacks and
 * parameters of many names: which calls an action makes, on what kind of resource and under which conditions, is judged
 * here; that the names fit is judged where the whole platform is played, in test/acceptance/bootstrap.
 *
 * The roles are made from the templates once and kept in .cache.
 */
async function widenedPolicies(): Promise<Record<JobRole, Policies>> {
  const hash = createHash('sha256');
  for (const name of ['bootstrap', 'bootstrap-previews']) {
    hash.update(readFileSync(join(ROOT, `templates/${name}.yml`)));
  }
  const file = join(ROOT, '.cache/roles', `${hash.digest('hex').slice(0, 16)}.json`);
  const known = readIfThere(file);
  if (known !== undefined) return JSON.parse(known) as Record<JobRole, Policies>;
  const text = widened(JSON.stringify(await namedPolicies()));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
  return JSON.parse(text) as Record<JobRole, Policies>;
}

async function namedPolicies(): Promise<Record<string, Policies>> {
  const platform = { project: PROJECT, environments: { [ENVIRONMENT]: ACCOUNT }, previews: [ENVIRONMENT] };
  const sandbox = await startSandbox({ scenario: { stacks: bootstrapped(platform) } });
  try {
    const store = identityStore(sandbox.world);
    const entries = ROLES.map((name) => {
      const role = store.role(arnOf(ACCOUNT, `${PROJECT}-${ENVIRONMENT}-${name}`));
      const permissions = role && store.permissionsOf(role);
      if (!permissions) throw new Error(`the bootstrap has no role ${name}`);
      return [name, permissions.policies] as const;
    });
    return Object.fromEntries(entries) as Record<string, Policies>;
  } finally {
    await sandbox.close();
  }
}

/** `stack/anyenv-anyproject-*` becomes `stack/*`, and the artifact bucket any bucket. */
function widened(text: string): string {
  return text
    .replaceAll(PROJECT, '*')
    .replaceAll(ENVIRONMENT, '*')
    .replaceAll(/arn:aws:s3:::[^/"]+/g, 'arn:aws:s3:::*')
    .replaceAll(/\*(?:-\*)+/g, '*');
}

/** Gives a role what one of the bootstrap's may do, and further actions. */
function putRole(sandbox: Sandbox, arn: string, as: JobRole, also: readonly string[]): void {
  const account = arn.split(':')[4] ?? '';
  const own = JSON.parse(JSON.stringify(policies[as]).replaceAll(ACCOUNT, account)) as Policies;
  if (also.length > 0) {
    own['Also'] = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: [...also], Resource: '*' }],
    };
  }
  const trusted = { Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Principal: '*' };
  const trust = { Version: '2012-10-17', Statement: [trusted] };
  identityStore(sandbox.world).putRole(arn, trust, 7200, { policies: own });
}

interface ActingAs {
  account?: string;
  /** Actions that the page of an action asks for beside what the bootstrap's role may do. */
  also?: readonly string[];
}

/** The environment of a step whose job has taken a role. */
export function actingAs(
  sandbox: Sandbox,
  as: JobRole,
  { account = ACCOUNT, also = [] }: ActingAs = {},
): Record<string, string> {
  const name = also.length > 0 ? `bootstrap-${as}-and-more` : `bootstrap-${as}`;
  const roleArn = arnOf(account, name);
  if (!identityStore(sandbox.world).role(roleArn)) putRole(sandbox, roleArn, as, also);
  const arn = `arn:aws:sts::${account}:assumed-role/${name}/job`;
  const session = { roleArn, policies: [], context: {} };
  const issued = credentialStore(sandbox.world).issue({ arn, account, session }, 3600);
  return {
    ...sandbox.env(account),
    AWS_ACCESS_KEY_ID: issued.accessKeyId,
    AWS_SECRET_ACCESS_KEY: issued.secretAccessKey,
    AWS_SESSION_TOKEN: issued.sessionToken,
  };
}

/** The role with which the workflows run a command: what only looks has one that only reads. */
export function roleFor({ command = '', 'dry-run': dryRun }: Record<string, string>): JobRole {
  const looks = ['plan', 'drift', 'status', 'doctor'].includes(command) || dryRun === 'true';
  return looks ? 'plan' : 'deploy';
}

function arnOf(account: string, name: string): string {
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
