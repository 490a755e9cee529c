import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

/** Allows only requests with the services' common token, or all requests if no token is set. */
export function requireToken(token: string | undefined) {
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const given = digest(request.headers.authorization ?? '');
    if (expected === undefined || timingSafeEqual(given, expected)) done();
    else done(new Problem(401, 'only other services may call this: the service token is missing or wrong'));
  };
}

const digest = (value: string) => createHash('sha256').update(value).digest();
