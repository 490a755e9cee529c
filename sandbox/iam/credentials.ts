import { createHash } from 'node:crypto';
import type { HttpRequest } from '../server/http.ts';
import type { World } from '../world.ts';
import type { Principal } from './principal.ts';

export interface Session {
  principal: Principal;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

export interface CredentialScope {
  accessKeyId: string;
  region: string;
  service: string;
  sessionToken: string | undefined;
}

const BASE_32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE_64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The long-term key of an account's user: `AKIA`, the account's id, and a suffix, 20 characters in total. */
export function accessKey(account: string): { accessKeyId: string; secretAccessKey: string } {
  return { accessKeyId: `AKIA${account}SBOX`, secretAccessKey: `sandbox-secret-access-key-${account}` };
}

/** Reads the access key, the service and the region from the Authorization header or a presigned URL. */
export function credentialScope(request: HttpRequest): CredentialScope | undefined {
  const signed = /^AWS4-HMAC-SHA256 .*?Credential=([^,\s]+)/.exec(request.headers.authorization ?? '')?.[1];
  const credential = signed ?? request.query.get('X-Amz-Credential') ?? '';
  const [accessKeyId, , region, service] = credential.split('/');
  if (!accessKeyId || !region || !service) return undefined;
  const sessionToken = request.headers['x-amz-security-token'] ?? request.query.get('X-Amz-Security-Token');
  return { accessKeyId, region, service, sessionToken: sessionToken ?? undefined };
}

/** The sessions that STS issued, and the keys of the accounts. */
export class CredentialStore {
  readonly #world: World;
  readonly #sessions = new Map<string, Session>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Issues temporary credentials that are valid for `seconds`. */
  issue(principal: Principal, seconds: number): Session {
    const { random, clock } = this.#world;
    const session = {
      principal,
      accessKeyId: `ASIA${random.text(16, BASE_32)}`,
      secretAccessKey: random.text(40, BASE_64),
      sessionToken: `IQoJb3JpZ2lu${random.text(186, BASE_64)}==`,
      expiration: new Date(clock.now().getTime() + seconds * 1000),
    };
    this.#sessions.set(session.accessKeyId, session);
    return session;
  }

  /** The owner of a key. Signatures are not verified. */
  identify(scope: CredentialScope): Principal | 'unknownKey' | 'expiredToken' {
    const session = this.#sessions.get(scope.accessKeyId);
    if (session) {
      if (scope.sessionToken !== session.sessionToken) return 'unknownKey';
      return session.expiration < this.#world.clock.now() ? 'expiredToken' : session.principal;
    }
    const account = this.#world.accounts.find((id) => accessKey(id).accessKeyId === scope.accessKeyId);
    if (!account) return 'unknownKey';
    return { arn: `arn:aws:iam::${account}:user/sandbox`, account };
  }
}

export function credentialStore(world: World): CredentialStore {
  return world.store('', '', 'credentials', () => new CredentialStore(world));
}

/** The unique id of a principal in IAM: of its role with the session's name, or of its user. */
export function userId(principalArn: string): string {
  const [, role, session] = /^(.*:assumed-role\/[^/]+)\/(.*)$/.exec(principalArn) ?? [];
  const id = createHash('sha256')
    .update(role ?? principalArn)
    .digest('hex')
    .slice(0, 17)
    .toUpperCase();
  return role === undefined ? `AIDA${id}` : `AROA${id}:${session ?? ''}`;
}
