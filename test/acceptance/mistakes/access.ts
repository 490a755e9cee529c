import { NET, platformWith } from './files.ts';
import type { Mistake } from './mistake.ts';

const DEPLOY_ROLE = 'arn:aws:iam::111111111111:role/shop-dev-deploy';

/** Mistakes in permissions and credentials. */
export const IN_ACCESS: readonly Mistake[] = [
  {
    what: 'no id-token permission, with a role from platform.yml',
    action: 'deploy-environment',
    files: platformWith("account: '111111111111'", `account: '111111111111', role: '${DEPLOY_ROLE}'`),
    withoutAccess: true,
    code: 'oidc-unavailable',
    says: 'Cannot assume arn:aws:iam::111111111111:role/shop-dev-deploy: the job does not have the permission id-token: write, and no earlier step provides AWS credentials.',
    fix: 'Give the job `permissions: { id-token: write, contents: read }`. A job that calls a reusable workflow needs it too. Pull requests from forks cannot get a token.',
  },
  {
    what: 'no id-token permission, with a role from the input',
    action: 'deploy-stack',
    inputs: { 'role-to-assume': DEPLOY_ROLE },
    files: { 'net.yml': NET },
    withoutAccess: true,
    code: 'oidc-unavailable',
    says: 'Cannot assume arn:aws:iam::…:role/shop-dev-deploy: the job does not have the permission id-token: write, and no earlier step provides AWS credentials.',
    fix: 'Give the job `permissions: { id-token: write, contents: read }`. A job that calls a reusable workflow needs it too. Pull requests from forks cannot get a token.',
  },
  {
    what: 'no credentials',
    action: 'deploy-stack',
    files: { 'net.yml': NET },
    withoutAccess: true,
    code: 'access-denied',
    says: 'CredentialsProviderError: Could not load credentials from any providers.',
    fix: 'Give the job the permission id-token: write and set its role (platform.yml: role, or an input such as role-to-assume), or run aws-actions/configure-aws-credentials before this step.',
  },
  {
    what: 'credentials of another account',
    action: 'deploy-environment',
    files: platformWith(
      "account: '111111111111', execution-role: 'arn:aws:iam::111111111111:role/bootstrap-execution'",
      "account: '333333333333'",
    ),
    code: 'account-mismatch',
    says: `The credentials belong to account 111111111111, but platform.yml:4 has dev in 333333333333. Nothing was changed.`,
    at: 'platform.yml:4',
    fix: 'Use credentials or a role of account 333333333333 (role in platform.yml, or role-to-assume), or correct the account in platform.yml.',
  },
];
