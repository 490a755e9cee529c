import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ECRClient } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { DEV, useWorkspaces } from './action.ts';
import { LayoutWriter } from './oci.ts';

export const REPOSITORY = 'shop/user-service';
export const SHA = 'a'.repeat(40);

/** Runs the committed bundle of build-push-image on the Node.js of GitHub's runner, against a sandbox. */
export function buildPushImage(
  sandbox: Sandbox,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  return runAction('build-push-image', {
    ...options,
    node: options.node ?? [node24()],
    inputs: { repository: REPOSITORY, 'create-repository': 'true', ...inputs },
    env: { ...sandbox.env(DEV), ...options.env },
  });
}

/** AWS's own client, for an account of the sandbox. */
export function ecrOf(sandbox: Sandbox, account = DEV): ECRClient {
  const env = sandbox.env(account);
  return new ECRClient({
    endpoint: sandbox.url,
    region: env['AWS_REGION'] ?? '',
    maxAttempts: 1,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
}

export interface LayoutWorkspace {
  workspace: string;
  /** Of the image in the folder `image`. */
  digest: string;
  layout: LayoutWriter;
  /** A file of the workspace. */
  read(file: string): string;
}

/** Makes workspaces that hold the layout of one image, in the folder `image`, beside other files. */
export function useLayouts(): (
  layers: (Buffer | string)[],
  files?: Record<string, string>,
) => LayoutWorkspace {
  const workspaceOf = useWorkspaces();
  return (layers, files = {}) => {
    const workspace = workspaceOf(files);
    const layout = new LayoutWriter(join(workspace, 'image'));
    const { digest } = finish(layout, layers);
    return { workspace, digest, layout, read: (file) => readFileSync(join(workspace, file), 'utf8') };
  };
}

function finish(layout: LayoutWriter, layers: (Buffer | string)[]): { digest: string } {
  const image = layout.image(layers);
  layout.finish(image);
  return image;
}
