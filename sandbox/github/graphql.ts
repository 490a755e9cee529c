import type { GitHubCall, Routes } from './call.ts';
import { personJson } from './commits.ts';
import { accountOf, type Commit } from './state.ts';
import { permits } from './tokens.ts';

/** As much of GraphQL as tells who the bearer of the token is, and who wrote commits. */
export const graphqlRoutes: Routes = {
  'POST /graphql': [
    'graphql',
    (call) => {
      const { body, viewer } = call;
      if (typeof body.query === 'string' && /\bviewer\s*\{\s*login\s*\}/.test(body.query)) {
        return { body: { data: { viewer: { login: viewer.login } } } };
      }
      const message = 'the sandbox answers viewer { login }, commits, and nothing else';
      return { body: commitsAsked(call) ?? { errors: [{ message }] } };
    },
  ],
};

/**
 * Who wrote commits: `alias: object(oid: $variable)` of one repository, with the fields
 * `authors`, `committer`, `signature` and `parents` of each. An object that is not there is null.
 *
 * @see https://docs.github.com/graphql/reference/objects#commit
 */
function commitsAsked({ body, state, viewer }: GitHubCall): object | undefined {
  const query = typeof body.query === 'string' ? body.query : '';
  const asked = [...query.matchAll(/(\w+): object\(oid: \$(\w+)\)/g)];
  if (asked.length === 0) return undefined;
  const variables = (body.variables ?? {}) as Record<string, string | undefined>;
  const { owner = '', repo = '' } = variables;
  if (`${owner}/${repo}` !== state.repository) {
    const message = `Could not resolve to a Repository with the name '${owner}/${repo}'.`;
    return { data: { repository: null }, errors: [{ type: 'NOT_FOUND', path: ['repository'], message }] };
  }
  const { permissions } = viewer;
  if (permissions && !permits(permissions, 'GET', `/repos/${state.repository}/commits`)) {
    const message = 'Resource not accessible by integration';
    return { data: { repository: null }, errors: [{ type: 'FORBIDDEN', path: ['repository'], message }] };
  }
  const objects = asked.map(([, alias = '', variable = '']) => {
    const commit = state.commits.get(variables[variable] ?? '');
    return [alias, commit ? commitNode(commit) : null] as const;
  });
  return { data: { repository: Object.fromEntries(objects) } };
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

/** A GitActor: the account of an app is no `User`. */
function actorNode(text: string): object {
  const isUser = !text.includes('<') && accountOf(text).type === 'User';
  return { ...personJson(text), user: isUser ? { login: text } : null };
}
