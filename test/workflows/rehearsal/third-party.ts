import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkOut as putCheckout } from '../../support/checkout.ts';
import type { StandIn, ThirdPartyRun, ThirdPartyStep } from './run.ts';

/** Replacements for third-party actions, as far as a rehearsal depends on them. */
export const THIRD_PARTY: Record<string, StandIn> = {
  'actions/checkout': checkOut,
  // The runner has Docker, and the recording that plays it includes buildx.
  'docker/setup-buildx-action': () => ({}),
  'docker/setup-qemu-action': () => ({}),
  'aws-actions/configure-aws-credentials': configureCredentials,
};

/**
 * The files of a commit, and a `.git` whose HEAD is detached at it.
 *
 * @see https://github.com/actions/checkout#usage: an empty `ref` is the commit of the event.
 */
function checkOut({ stage, workspace, sha, inputs: { ref = '' } }: ThirdPartyStep): ThirdPartyRun {
  const named = stage.refs?.[ref];
  if (ref !== '' && !named && !/^[0-9a-f]{40}$/.test(ref)) {
    throw new Error(`the repository has no ref ${ref}`);
  }
  const commit = named?.sha ?? (ref === '' ? sha : ref);
  const files = named ?? Object.values(stage.refs ?? {}).find((one) => one.sha === commit);
  const source = files?.repository ?? stage.repository;
  cpSync(source, workspace, { recursive: true });
  // A repository with a history, such as one to compare commits in, is checked out as it is.
  if (!existsSync(join(source, '.git'))) putCheckout(workspace, commit);
  return {};
}

/** Sets the keys of the role's account, or of the default one, for the later steps. */
function configureCredentials({ stage, inputs }: ThirdPartyStep): ThirdPartyRun {
  const [, account] = /^arn:aws:iam::(\d{12}):/.exec(inputs['role-to-assume'] ?? '') ?? [];
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = stage.sandbox.env(account);
  return { env: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: inputs['aws-region'] ?? '' } };
}
