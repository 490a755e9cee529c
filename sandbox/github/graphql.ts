import type { GitHubCall, Routes } from './call.ts';
import { personJson } from './commits.ts';
import { accountOf, type Commit } from './state.ts';
import { permits } from './tokens.ts';

/** The part of GraphQL that the actions use: the viewer, commits, pull requests and deployments. */
export const graphqlRoutes: Routes = {
  'POST /graphql': [
    'graphql',
    (call) => {
      const { body, viewer } = call;
      if (typeof body.query === 'string' && /\bviewer\s*\{\s*login\s*\}/.test(body.query)) {
        return { body: { data: { viewer: { login: viewer.login } } } };
      }
      const message = 'the sandbox supports only viewer { login }, commits, pull requests and deployments';
      const answer = requestedCommits(call) ?? requestedPulls(call) ?? requestedDeployments(call);
      return { body: answer ?? { errors: [{ message }] } };
    },
  ],
};

/**
 * The authors of commits: `alias: object(oid: $variable)` of one repository, with the fields `authors`, `committer`,
 * `signature` and `parents`. A commit that does not exist is null.
 *
 * @see https://docs.github.com/graphql/reference/objects#commit
 */
function requestedCommits(call: GitHubCall): object | undefined {
  const { body, state } = call;
  const query = typeof body.query === 'string' ? body.query : '';
  const wanted = [...query.matchAll(/(\w+): object\(oid: \$(\w+)\)/g)];
  if (wanted.length === 0) return undefined;
  const refused = refusal(call, 'commits');
  if (refused) return refused;
  const variables = variablesOf(call);
  const objects = wanted.map(([, alias = '', variable = '']) => {
    const commit = state.commits.get(variables[variable] ?? '');
    return [alias, commit ? commitNode(commit) : null] as const;
  });
  return { data: { repository: Object.fromEntries(objects) } };
}

function variablesOf({ body }: GitHubCall): Record<string, string | undefined> {
  return (body.variables ?? {}) as Record<string, string | undefined>;
}

/** Why a repository is not returned: it is a different one, or the token has no read permission. */
function refusal(call: GitHubCall, resource: string): object | undefined {
  const { state, viewer } = call;
  const { owner = '', repo = '' } = variablesOf(call);
  const refused = (type: string, message: string): object => ({
    data: { repository: null },
    errors: [{ type, path: ['repository'], message }],
  });
  if (`${owner}/${repo}` !== state.repository) {
    return refused('NOT_FOUND', `Could not resolve to a Repository with the name '${owner}/${repo}'.`);
  }
  const { permissions } = viewer;
  if (permissions && !permits(permissions, 'GET', `/repos/${state.repository}/${resource}`)) {
    return refused('FORBIDDEN', 'Resource not accessible by integration');
  }
  return undefined;
}

/**
 * The state of pull requests: `alias: pullRequest(number: 1)` of one repository. One that does not exist is null, with
 * a separate error.
 *
 * @see https://github.com/nodejs/node-core-utils/issues/120 for the error's words
 */
function requestedPulls(call: GitHubCall): object | undefined {
  const query = typeof call.body.query === 'string' ? call.body.query : '';
  const wanted = [...query.matchAll(/(\w+): pullRequest\(number: (\d+)\)/g)];
  if (wanted.length === 0) return undefined;
  const refused = refusal(call, 'pulls');
  if (refused) return refused;
  const pulls = wanted.map(([, alias = '', number = '']) => {
    const pull = call.state.pull(Number(number));
    const state = pull && (pull.mergeCommit === undefined ? pull.state.toUpperCase() : 'MERGED');
    return { alias, number, node: pull ? { state, createdAt: pull.created } : null };
  });
  const errors = pulls
    .filter(({ node }) => node === null)
    .map(({ alias, number }) => ({
      type: 'NOT_FOUND',
      path: ['repository', alias],
      message: `Could not resolve to a PullRequest with the number of ${number}.`,
    }));
  const repository = Object.fromEntries(pulls.map(({ alias, node }) => [alias, node]));
  return { data: { repository }, ...(errors.length > 0 && { errors }) };
}

const MAX_PER_PAGE = 100;

/**
 * The deployments to the environment `$environment`, newest first, with the latest status of each. There is no filter
 * by task.
 *
 * @see https://docs.github.com/graphql/reference/deployments
 */
function requestedDeployments(call: GitHubCall): object | undefined {
  const query = typeof call.body.query === 'string' ? call.body.query : '';
  if (!/\bdeployments\(/.test(query)) return undefined;
  const refused = refusal(call, 'deployments');
  if (refused) return refused;
  const { environment, after } = variablesOf(call);
  const all = call.state.deployments.filter((one) => one.environment === environment).toReversed();
  const start = Number(after ?? 0);
  const end = start + MAX_PER_PAGE;
  const nodes = all.slice(start, end).map(({ id, fields, created, statuses }) => {
    const state = statuses.at(-1)?.state.toUpperCase();
    const latestStatus = state === undefined ? null : { state };
    return { databaseId: id, task: fields.task ?? null, createdAt: created, latestStatus };
  });
  const pageInfo = { hasNextPage: end < all.length, endCursor: nodes.length > 0 ? String(end) : null };
  return { data: { repository: { deployments: { nodes, pageInfo } } } };
}

function commitNode({ sha, author, coAuthors, committer, signed, parents }: Commit): object {
  return {
    oid: sha,
    authors: { nodes: [author, ...coAuthors].map(actorNode) },
    committer: actorNode(committer),
    signature: signed ? { wasSignedByGitHub: true, isValid: true } : null,
    parents: { totalCount: parents.length, nodes: parents.slice(0, 1).map((oid) => ({ oid })) },
  };
}

/** A GitActor. The account of an app is not a `User`. */
function actorNode(text: string): object {
  const isUser = !text.includes('<') && accountOf(text).type === 'User';
  return { ...personJson(text), user: isUser ? { login: text } : null };
}
