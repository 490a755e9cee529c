/**
 * Labels that tell where an image comes from; none for what is not known.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function sourceLabels(source: {
  sha: string;
  repository: string;
  serverUrl: string;
}): Record<string, string> {
  const { sha, repository, serverUrl } = source;
  return {
    ...(sha !== '' && { 'org.opencontainers.image.revision': sha }),
    ...(repository !== '' && { 'org.opencontainers.image.source': `${serverUrl}/${repository}` }),
  };
}
