import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withTimeLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { readManifest } from '../environment/manifest/manifest.ts';
import { stateOfFiles, stateOfNewEnvironment } from './base.ts';
import { filesOfCommit } from './commit-files.ts';
import { requireConfinedFile, requireConfinedLinks, requireConfinedManifest } from './confinement.ts';
import { rehearse } from './rehearse.ts';
import type { RehearsalResult } from './result.ts';
import { readFailures } from './scenario.ts';

export interface RehearsalRequest {
  environment: string;
  /** Path of the manifest, in the workspace and in the base. */
  manifest: string;
  /** The commit, branch or tag whose files are deployed in the environment. */
  base: string;
  /** Path of a scenario in the workspace. */
  scenario: string | undefined;
  /** Absolute path of the checkout to rehearse. */
  workspace: string;
  /** `owner/name` */
  repository: string;
  /** The commit of the checkout. */
  commit: string;
  timeoutMs: number;
}

/**
 * Rehearses the deployment of a checkout to an environment in which the files of another commit are deployed.
 *
 * @throws InputError for an invalid base, manifest or scenario; TimeoutError.
 */
export async function rehearseCommit(
  context: Context,
  request: RehearsalRequest,
  env: NodeJS.ProcessEnv,
): Promise<RehearsalResult> {
  const { environment, workspace, repository, commit, timeoutMs } = request;
  await requireConfinedLinks(workspace, { context, env });
  requireConfinedFile('manifest', request.manifest, workspace);
  const manifest = readManifest(request.manifest, workspace, context);
  requireConfinedManifest(manifest, environment, workspace);
  if (request.scenario !== undefined) requireConfinedFile('scenario', request.scenario, workspace);
  const scenario = readFailures(request.scenario, workspace);
  const before = await filesOfCommit(request.base, workspace, { context, env });
  try {
    const deployed = existsSync(join(before.folder, request.manifest))
      ? readManifest(request.manifest, before.folder, context)
      : undefined;
    const base =
      deployed?.environments[environment] === undefined
        ? stateOfNewEnvironment(manifest, environment, workspace)
        : stateOfFiles(deployed, environment, before.folder);
    const limit = { what: `The rehearsal of ${environment}`, timeoutMs };
    return await withTimeLimit(context, limit, (signal) =>
      rehearse(
        { ...context, signal },
        { manifest, environment, workspace, base, scenario, repository, commit },
      ),
    );
  } finally {
    before.remove();
  }
}
