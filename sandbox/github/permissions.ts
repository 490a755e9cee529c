/** What a job's `permissions` grant, by GitHub's names of them. */
export type Permissions = Readonly<Record<string, 'read' | 'write'>>;

/**
 * The permissions of which one suffices, by the resource that an operation is about. A call that reads needs it
 * to read, any other one to write.
 *
 * @see https://docs.github.com/rest/authentication/permissions-required-for-github-apps
 */
const SUFFICIENT: readonly [RegExp, readonly string[]][] = [
  [/^\/repos\/[^/]+\/[^/]+\/issues(\/|$)/, ['issues', 'pull-requests']],
  [/^\/repos\/[^/]+\/[^/]+\/pulls(\/|$)/, ['pull-requests']],
  [/^\/repos\/[^/]+\/[^/]+\/deployments(\/|$)/, ['deployments']],
  [/^\/repos\/[^/]+\/[^/]+\/(actions|environments)(\/|$)/, ['actions']],
  [/^\/repos\/[^/]+\/[^/]+\/(commits|compare|contents)(\/|$)/, ['contents']],
];

/** Whether a token that has these permissions may make a call. A repository itself can always be read. */
export function permits(permissions: Permissions, method: string, path: string): boolean {
  const sufficient = SUFFICIENT.find(([pattern]) => pattern.test(path))?.[1];
  if (!sufficient) return true;
  const granted = sufficient.map((name) => permissions[name]);
  return granted.includes('write') || (method === 'GET' && granted.includes('read'));
}
