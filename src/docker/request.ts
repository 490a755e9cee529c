import { resolve } from 'node:path';

/** What is to be built. Paths are absolute. */
export interface BuildRequest {
  /** The folder that paths are shown relative to. */
  workspace: string;
  /** The folder that the build sees. */
  context: string;
  /** The Dockerfile. */
  file: string;
  /** Empty: the builder's own. */
  platforms: readonly string[];
  target: string | undefined;
  buildArgs: Readonly<Record<string, string>>;
  /** Named contexts: an absolute folder, or what begins with a scheme such as docker-image://. */
  buildContexts: Readonly<Record<string, string>>;
  /** By id. */
  secrets: Readonly<Record<string, string>>;
  ssh: readonly string[];
  labels: Readonly<Record<string, string>>;
  cache: 'registry' | 'gha' | 'none';
  /** `auto` is the least, where the builder can. */
  provenance: 'auto' | 'min' | 'max' | 'false';
  sbom: 'auto' | 'true' | 'false';
}

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/** Named contexts with the folders of the workspace as absolute paths; what has a scheme stays as it is. */
export function resolveContexts(
  given: Readonly<Record<string, string>>,
  workspace: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      WITH_SCHEME.test(value) ? value : resolve(workspace, value),
    ]),
  );
}
