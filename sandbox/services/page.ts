import { AwsError, textOf } from '../service.ts';

/** One page of a list, and the token of the next. Throws ValidationException when `limit` is over `most`. */
export function page<T>(
  items: readonly T[],
  request: { token: unknown; limit: unknown; most: number },
): { items: T[]; nextToken: string | undefined } {
  const limit = Number(request.limit ?? request.most);
  if (!Number.isInteger(limit) || limit < 1 || limit > request.most) {
    const message =
      `1 validation error detected: Value '${limit}' at 'maxResults' failed to satisfy constraint: ` +
      `Member must have value ${limit < 1 ? 'greater than or equal to 1' : `less than or equal to ${request.most}`}`;
    throw new AwsError('ValidationException', message);
  }
  const start = position(textOf(request.token));
  const end = start + limit;
  return { items: items.slice(start, end), nextToken: end < items.length ? token(end) : undefined };
}

function token(start: number): string {
  return Buffer.from(`from:${start}`).toString('base64');
}

function position(given: string | undefined): number {
  if (given === undefined || given === '') return 0;
  const start = /^from:(\d+)$/.exec(Buffer.from(given, 'base64').toString('utf8'))?.[1];
  if (start === undefined) throw new AwsError('InvalidNextToken', 'The specified token is not valid.');
  return Number(start);
}
