import type { ErrorCode } from '../../../src/core/errors.ts';
import { runAction, type Run } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';

import { actingAs, roleFor } from '../../support/roles.ts';
import { DEV } from '../../unit/sandbox/clients.ts';
import { CLUSTER, type EcsWorld, SERVICE } from '../../unit/sandbox/ecs/ecs-world.ts';

type ActionName =
  | 'build-push-image'
  | 'deploy-environment'
  | 'deploy-stack'
  | 'preview-environment'
  | 'promote-environment'
  | 'update-service';

/** What somebody does wrong, and what they must read. */
export interface Mistake {
  /** What is wrong. */
  what: string;
  action: ActionName;
  inputs?: Record<string, string>;
  /** What is in the workspace; default, what the action needs. */
  files?: Record<string, string>;
  /** In the environment of the step, beside the credentials of the role that the workflows use. */
  env?: Record<string, string>;
  /** Credentials of a job that may request no OIDC token and has no keys. */
  withoutAccess?: true;
  code: ErrorCode;
  /** The whole sentence, as `reason` and the annotation have it. */
  says: string;
  fix?: string;
  /** Where the annotation is. */
  at?: `${string}:${number}`;
  /** Where a further annotation is, of the check that found it. */
  marks?: `${string}:${number}`;
}

/** What an action needs beside the mistake. */
const NEEDED: Readonly<Record<ActionName, Record<string, string>>> = {
  'build-push-image': { repository: 'shop/user-service', context: '.' },
  'deploy-environment': { environment: 'dev' },
  'deploy-stack': { 'stack-name': 'dev-shop-net', template: 'net.yml' },
  'preview-environment': { project: 'shop', environment: 'dev' },
  'promote-environment': { from: 'dev', to: 'staging' },
  'update-service': { cluster: CLUSTER, service: SERVICE },
};

/** Runs the action of a mistake on the committed bundle. */
export function make(mistake: Mistake, { sandbox }: EcsWorld, workspace: string): Promise<Run> {
  const { action, inputs = {}, env = {}, withoutAccess } = mistake;
  const access = withoutAccess
    ? {
        ...sandbox.jobEnv({ permissions: {}, claims: {} }),
        AWS_REGION: 'eu-west-1',
        AWS_EC2_METADATA_DISABLED: 'true',
      }
    : actingAs(sandbox, roleFor(inputs), { account: DEV });
  return runAction(action, {
    node: [node24()],
    token: sandbox.tokens.installation,
    inputs: { ...NEEDED[action], ...inputs },
    workspace,
    env: { ...access, ...env },
  });
}

/** The annotation that the runner makes of a line of the log. */
export function annotationOf({ action, says, fix, at }: Mistake): string {
  const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(at ?? '') ?? [];
  const place = at === undefined ? '' : `,file=${file},line=${line}`;
  const text = fix === undefined ? says : `${says}\nFix: ${fix}`;
  return `::error title=${action}%3A failed${place}::${escaped(text)}`;
}

/** @see https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts (escapeData) */
function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
