import type { Context } from '../runtime/context.ts';
import { send } from './send.ts';
import { stsClient } from './clients/sts.ts';
import { classify, errorText } from './errors.ts';
import { requestIdentityToken } from './oidc.ts';
import type { IdentityToken } from './oidc.ts';
import { explainDenial } from './trust.ts';

/** The SDK asks again for credentials that have less than five minutes left, so these are younger. */
const RENEW_BEFORE_MS = 6 * 60_000;

interface RoleOptions {
  region: string;
  roleArn: string;
  context: Pick<Context, 'clock' | 'limiter' | 'signal' | 'log'>;
  env: NodeJS.ProcessEnv;
}

interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

/**
 * A provider of the role's credentials, shared by all clients: one token and one AssumeRoleWithWebIdentity at a
 * time, kept in memory only.
 */
export function roleCredentials(options: RoleOptions): () => Promise<RoleCredentials> {
  let current: Promise<RoleCredentials> | undefined;
  let renewAt = 0;
  return () => {
    if (current && options.context.clock.now() < renewAt) return current;
    renewAt = Infinity; // While this one is on its way everybody waits for it.
    current = assumeRole(options).then(
      (credentials) => {
        renewAt = credentials.expiration.getTime() - RENEW_BEFORE_MS;
        return credentials;
      },
      (error: unknown) => {
        renewAt = 0;
        throw error;
      },
    );
    return current;
  };
}

async function assumeRole({ region, roleArn, context, env }: RoleOptions): Promise<RoleCredentials> {
  const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
  const token = await requestIdentityToken(env, context);
  const client = await stsClient({ region }, context);
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName(token),
    WebIdentityToken: token.jwt,
  });
  const { Credentials: given } = await send(client, command, context).catch((error: unknown) => {
    throw explained(error, roleArn, token);
  });
  if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration) {
    throw new Error(`AssumeRoleWithWebIdentity for ${roleArn} answered without credentials`);
  }
  for (const secret of [given.AccessKeyId, given.SecretAccessKey, given.SessionToken])
    context.log.secret(secret);
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiration: given.Expiration,
  };
}

/** What CloudTrail shows as the caller: the repository and the run. */
function sessionName({ claims }: IdentityToken): string {
  const parts = [claims['repository'], claims['run_id']].filter((part) => typeof part === 'string');
  return (parts.join('-') || 'github-actions').replace(/[^\w+=,.@-]/g, '-').slice(-64);
}

function explained(error: unknown, roleArn: string, { claims }: IdentityToken): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name.startsWith('AccessDenied'))
    return new Error(explainDenial(roleArn, claims), { cause: error });
  if (error.name.startsWith('InvalidIdentityToken')) {
    const account = roleArn.split(':')[4] ?? '';
    const fix = `does account ${account} have an OIDC provider for ${String(claims['iss'])} with the audience ${String(claims['aud'])}?`;
    return new Error(`AWS refuses the job's OIDC token: ${fix} (${errorText(error)})`, { cause: error });
  }
  return classify(error) === 'other'
    ? error
    : new Error(`${roleArn} could not be assumed: ${errorText(error)}`, { cause: error });
}
