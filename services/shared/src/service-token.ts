import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

/** Lets only those in who send the services' common token; everybody where there is none. */
export function requireToken(token: string | undefined) {
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const given = digest(request.headers.authorization ?? '');
    if (expected === undefined || timingSafeEqual(given, expected)) done();
    else done(new Problem(401, 'this is for other services: their token is missing or wrong'));
  };
}

const digest = (value: string) => createHash('sha256').update(value).digest();
