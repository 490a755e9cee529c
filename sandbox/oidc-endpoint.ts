import { randomUUID } from 'node:crypto';
import type { Endpoint } from './exchange.ts';
import { jsonReply } from './http.ts';
import type { HttpRequest } from './http.ts';
import { GITHUB_ISSUER, OIDC_REQUEST_TOKEN, issueToken, keySet } from './oidc.ts';
import type { Claims } from './oidc.ts';
import type { FaultRule } from './scenario.ts';
import { AwsError } from './service.ts';

/** By the token with which a job asks: what its identity tokens say otherwise than the usual. */
export type JobClaims = Map<string, Claims>;

interface Route {
  operation: string;
  answer(request: HttpRequest, claims: Claims): object | Promise<object>;
}

const ROUTES: Record<string, Route> = {
  '/oidc/token': { operation: 'GetIDToken', answer: token },
  '/oidc/.well-known/openid-configuration': {
    operation: 'GetConfiguration',
    answer: (request) => ({
      issuer: GITHUB_ISSUER,
      jwks_uri: `http://${request.headers.host ?? ''}/oidc/.well-known/jwks`,
      subject_types_supported: ['public', 'pairwise'],
      response_types_supported: ['id_token'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
    }),
  },
  '/oidc/.well-known/jwks': { operation: 'GetKeys', answer: keySet },
};

/** GitHub's token endpoint and what a verifier reads of its issuer, under /oidc. */
export function oidcEndpoint(usual: Claims, jobs: JobClaims): Endpoint {
  return {
    exchange: (request) => {
      const route = ROUTES[request.path];
      const input = Object.fromEntries(request.query);
      const origin = { service: 'oidc', account: '', region: '', principalArn: '', requestId: randomUUID() };
      return Promise.resolve({
        call: { ...origin, operation: route?.operation ?? request.path, input },
        apply: async () => {
          const bearer = request.headers.authorization?.replace(/^bearer /i, '') ?? '';
          const claims = { ...usual, ...jobs.get(bearer) };
          if (!route) throw new AwsError('NotFound', 'Not Found', 404);
          if (route.operation === 'GetIDToken' && bearer !== OIDC_REQUEST_TOKEN && !jobs.has(bearer)) {
            throw new AwsError('Unauthorized', 'Unauthorized', 401);
          }
          return jsonReply(200, await route.answer(request, claims));
        },
        refuse: (error) => ({ ...jsonReply(error.status, { message: error.message }), code: error.code }),
        fault,
      });
    },
  };
}

async function token(request: HttpRequest, claims: Claims): Promise<object> {
  const audience = request.query.get('audience') ?? `https://github.com/${String(claims.repository_owner)}`;
  return { count: 1, value: await issueToken(claims, audience) };
}

function fault(rule: FaultRule): AwsError {
  const usual =
    rule.kind === 'throttle'
      ? { code: 'TooManyRequests', status: 429 }
      : { code: 'InternalServerError', status: 500 };
  const { code, status } = usual;
  return new AwsError(rule.code ?? code, rule.message ?? code, rule.status ?? status);
}
