import type { AssumeRoleCommandOutput } from '@aws-sdk/client-sts';
import type { Context } from '../core/context.ts';
import { PlatformError } from '../core/errors.ts';
import { capitalize } from '../core/text.ts';
import { stsClient } from './clients.ts';
import { AwsError, RoleError } from './errors.ts';
import {
  explainDenial,
  type IdentityToken,
  mayRequestToken,
  MissingPermissionError,
  requestIdentityToken,
} from './oidc.ts';
import { send } from './send.ts';

export interface RoleOptions {
  region: string;
  roleArn: string;
  context: Pick<Context, 'clock' | 'limiter' | 'signal' | 'log'>;
  env: NodeJS.ProcessEnv;
}

export interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

/**
 * Assumes a role with the job's OIDC token. If the job cannot request one, or the role does not trust it, the credentials
 * of an earlier step or of the runner are used (role chaining).
 *
 * @throws MissingPermissionError if there is neither a token nor credentials; PlatformError with AWS's reason.
 */
export async function assumeRole(options: RoleOptions): Promise<RoleCredentials> {
  const { roleArn, env, context } = options;
  if (!mayRequestToken(env)) return await assumeByCredentials(options);
  try {
    return await assumeByToken(options);
  } catch (error) {
    const isDenied = error instanceof PlatformError && error.code === 'access-denied';
    if (!isDenied || !env['AWS_ACCESS_KEY_ID']) throw error;
    context.log.info(
      `${roleArn} does not trust the job's OIDC token. Assuming it with the credentials in the environment instead.`,
    );
    return await assumeByCredentials(options).catch((second: unknown) => {
      throw second instanceof PlatformError && second.code === 'access-denied'
        ? deniedBoth(error, second)
        : second;
    });
  }
}

async function assumeByToken({ region, roleArn, context, env }: RoleOptions): Promise<RoleCredentials> {
  const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
  const token = await requestIdentityToken(env, context);
  const client = await stsClient({ region }, context);
  const { repository, run_id: runId } = token.claims;
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName(repository, runId),
    WebIdentityToken: token.jwt,
  });
  const answer = await send(client, command, context).catch((error: unknown) => {
    throw explainTokenError(error, roleArn, token);
  });
  context.log.debug(`Assumed ${roleArn} with the job's OIDC token.`);
  return credentialsIn(answer, roleArn, context);
}

/**
 * DurationSeconds is not set: the default of one hour is also the maximum for role chaining. Session tags are not set,
 * so the role does not have to allow sts:TagSession.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
async function assumeByCredentials({ region, roleArn, context, env }: RoleOptions): Promise<RoleCredentials> {
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts');
  const client = await stsClient({ region }, context);
  const command = new AssumeRoleCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName(env['GITHUB_REPOSITORY'], env['GITHUB_RUN_ID']),
  });
  const answer = await send(client, command, context).catch((error: unknown) => {
    throw explainChainingError(error, roleArn);
  });
  context.log.debug(`Assumed ${roleArn} with the credentials in the environment.`);
  return credentialsIn(answer, roleArn, context);
}

function credentialsIn(
  { Credentials: given }: Pick<AssumeRoleCommandOutput, 'Credentials'>,
  roleArn: string,
  { log }: RoleOptions['context'],
): RoleCredentials {
  if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration) {
    throw new PlatformError('service-unavailable', `STS returned no credentials for ${roleArn}`);
  }
  for (const secret of [given.AccessKeyId, given.SecretAccessKey, given.SessionToken]) log.secret(secret);
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiration: given.Expiration,
  };
}

/** The session name, which CloudTrail records: the repository and the run. */
function sessionName(repository: unknown, runId: unknown): string {
  const parts = [repository, runId].filter((part) => typeof part === 'string' && part !== '');
  return (parts.join('-') || 'github-actions').replace(/[^\w+=,.@-]/g, '-').slice(-64);
}

function explainTokenError(error: unknown, roleArn: string, { claims }: IdentityToken): unknown {
  if (!(error instanceof AwsError)) return error;
  if (error.awsName.startsWith('AccessDenied')) {
    const { message, fix } = explainDenial(roleArn, claims);
    return new RoleError('access-denied', message, { fix, cause: error });
  }
  if (error.awsName.startsWith('InvalidIdentityToken')) {
    const account = roleArn.split(':')[4] ?? '';
    const fix = `Check that account ${account} has an OIDC provider for ${String(claims['iss'])} with the audience ${String(claims['aud'])}.`;
    const message = `AWS rejected the job's OIDC token: ${error.message}`;
    return new RoleError('access-denied', message, { fix, cause: error });
  }
  return assumptionError(error, roleArn);
}

const GIVE_TOKEN =
  "give the job the permission `id-token: write`, and make the role trust GitHub's OIDC provider";

function explainChainingError(error: unknown, roleArn: string): unknown {
  if (!(error instanceof AwsError)) return error;
  if (error.awsName === 'CredentialsProviderError') return new MissingPermissionError(roleArn, error);
  if (error.awsName.startsWith('AccessDenied')) {
    const fix = `Allow sts:AssumeRole on ${roleArn} for this principal, in the role's trust policy and in the principal's own policies. Or ${GIVE_TOKEN}.`;
    const message = `${roleArn} could not be assumed with the credentials in the environment: "${error.awsMessage}"`;
    return new RoleError('access-denied', message, { fix, cause: error });
  }
  if (error.kind === 'expired') {
    const fix = `${capitalize(GIVE_TOKEN)}: the action then renews its credentials while it runs.`;
    const message = `${roleArn} could not be assumed with the credentials in the environment, which have expired: ${error.message}`;
    return new PlatformError(error.code, message, { fix, cause: error });
  }
  return assumptionError(error, roleArn);
}

function assumptionError(error: AwsError, roleArn: string): PlatformError {
  if (error.kind === 'other') return error;
  return new PlatformError(error.code, `${roleArn} could not be assumed: ${error.message}`, { cause: error });
}

function deniedBoth(byToken: PlatformError, byCredentials: PlatformError): PlatformError {
  const fix = [byToken.fix, byCredentials.fix].filter((text) => text !== undefined).join('\n');
  return new RoleError('access-denied', `${byCredentials.message}. ${byToken.message}`, {
    ...(fix !== '' && { fix }),
    cause: byCredentials,
  });
}
