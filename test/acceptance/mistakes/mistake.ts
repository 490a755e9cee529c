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

/** A mistake, and the expected output. */
export interface Mistake {
  /** The mistake. */
  what: string;
  action: ActionName;
  inputs?: Record<string, string>;
  /** The files in the workspace. Default: those that the action needs. */
  files?: Record<string, string>;
  /** The environment variables of the step, in addition to the credentials of the role that the workflows use. */
  env?: Record<string, string>;
  /** The credentials of a job that may not request an OIDC token and has no keys. */
  withoutAccess?: true;
  code: ErrorCode;
  /** The whole sentence in `reason` and the annotation. */
  says: string;
  fix?: string;
  /** The location of the annotation. */
  at?: `${string}:${number}`;
  /** The location of another annotation, for the check that found it. */
  marks?: `${string}:${number}`;
}

/** The inputs that an action needs besides the mistake. */
const NEEDED: Readonly<Record<ActionName, Record<string, string>>> = {
  'build-push-image': { repository: 'shop/user-service', context: '.' },
  'deploy-environment': { environment: 'dev' },
  'deploy-stack': { 'stack-name': 'dev-shop-net', template: 'net.yml' },
  'preview-environment': { project: 'shop', environment: 'dev' },
  'promote-environment': { from: 'dev', to: 'staging' },
  'update-service': { cluster: CLUSTER, service: SERVICE },
};

/** Runs the action of a mistake with the committed bundle. */
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

/** The annotation that the runner creates from a line of the log. */
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
