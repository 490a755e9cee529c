import { AwsError } from '../protocols/service.ts';
import type { GitHubState } from './state.ts';
import type { Viewer } from './tokens.ts';

/** A REST call with a known route. */
export interface GitHubCall {
  params: Record<string, string>;
  query: URLSearchParams;
  body: Record<string, unknown>;
  viewer: Viewer;
  state: GitHubState;
  /** The URL of the repository in the API. */
  repositoryUrl: string;
  /** The URL of the repository in the browser. */
  htmlUrl: string;
}

interface GitHubAnswer {
  status?: number;
  body?: unknown;
}

/** A list that the endpoint paginates. `wrap` creates the object for a page and the total count. */
export interface GitHubList {
  list: readonly unknown[];
  wrap?: (page: readonly unknown[], total: number) => object;
}

export type Handler = (call: GitHubCall) => GitHubAnswer | GitHubList;

/** Routes as `'GET /path/{param}'`, each with the operation's name in GitHub's API description. */
export type Routes = Record<string, readonly [operation: string, handler: Handler]>;

export function notFound(): AwsError {
  return new AwsError('NotFound', 'Not Found', 404);
}

export function forbidden(): AwsError {
  return new AwsError('Forbidden', 'Resource not accessible by integration', 403);
}

/** 422, with GitHub's list of errors. */
export function unprocessable(resource: string, field: string, message: string): AwsError {
  const errors = [{ resource, code: 'unprocessable', field, message }];
  return new AwsError('ValidationFailed', 'Validation Failed', 422, { errors });
}

/** A param that must be the number of something that exists. */
export function numberOf(call: GitHubCall, param: string): number {
  const value = Number(call.params[param]);
  if (!Number.isSafeInteger(value)) throw notFound();
  return value;
}
