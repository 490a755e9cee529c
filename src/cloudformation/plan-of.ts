import { createHash } from 'node:crypto';
import { type ChangeSetTree, readTemplate } from './change-set-tree.ts';
import { resourceChange } from './changes.ts';
import { fingerprint } from './fingerprint.ts';
import { removedWith } from './nested-stacks.ts';
import { findSensitive, maskChange, type Sensitive } from './masking.ts';
import { describeFinding } from './plan-failure.ts';
import { isSecretName, MASKED } from './secrets.ts';
import { eventFinding, failedEvents } from './validation.ts';
import type { CloudFormationContext, Plan, PlanSettings, PropertyChange, ResourceChange } from './types.ts';

/** Turns a change set as read into a plan: secrets masked, then the fingerprint, then the job's own redaction. */
export async function planOf(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  kind: Plan['kind'],
  hasChanges: boolean,
): Promise<Plan> {
  const { set } = tree;
  for (const { ParameterKey: key = '', ResolvedValue: value } of set.Parameters ?? []) {
    if (value !== undefined && isPlainSecret(key, value)) context.log.secret(value);
  }
  const changes = await maskedChanges(context, tree, []);
  const settings = settingsOf(tree, templateHashes(tree, []));
  const warnings = await warningsOf(context, set, changes);
  return {
    stackName: set.StackName ?? '',
    stackId: set.StackId ?? '',
    changeSetName: set.ChangeSetName ?? '',
    changeSetId: set.ChangeSetId ?? '',
    kind,
    hasChanges,
    fingerprint: fingerprint(settings, changes),
    changes: changes.map((change) => redacted(context, change)),
    settings,
    warnings,
    ...(set.OnStackFailure && { onStackFailure: set.OnStackFailure }),
  };
}

/**
 * CloudFormation warns of deletions that will fail, like that of a bucket with objects in it. Asked for only when
 * something goes, as it is one more call.
 */
async function warningsOf(
  context: CloudFormationContext,
  { ChangeSetId }: ChangeSetTree['set'],
  changes: readonly ResourceChange[],
): Promise<string[]> {
  const something = changes.some(({ action, replacement }) => action === 'remove' || replacement !== 'no');
  if (!something || !ChangeSetId) return [];
  const events = (await failedEvents(context, ChangeSetId)) ?? [];
  const findings = events.flatMap((event) => eventFinding(event, undefined));
  return findings.map((finding) => context.redactor.redact(describeFinding(finding)));
}

async function maskedChanges(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  nesting: readonly string[],
): Promise<ResourceChange[]> {
  const sensitive = await sensitiveOf(context, tree);
  const own = tree.changes.map((change) => maskChange(resourceChange(change, nesting), sensitive));
  const below = await Promise.all(
    tree.nested.map(({ logicalId, tree: nested }) => maskedChanges(context, nested, [...nesting, logicalId])),
  );
  const removed = await Promise.all(own.map((change) => removedWith(context, change)));
  return [...own, ...below.flat(), ...removed.flat()];
}

/** Old values are hidden by the template that runs now, which may have used a secret elsewhere. */
async function sensitiveOf(
  context: CloudFormationContext,
  { set, changes, template }: ChangeSetTree,
): Promise<Sensitive> {
  const hasOldValues = changes.some(({ Action }) => Action !== 'Add');
  const running =
    hasOldValues && set.StackId ? await readTemplate(context, { StackName: set.StackId }) : undefined;
  return findSensitive([template, running].filter((text) => text !== undefined));
}

function settingsOf({ set, template }: ChangeSetTree, templates: Record<string, string>): PlanSettings {
  const hidden = template === undefined ? undefined : findSensitive([template]).parameters;
  const mask = (key: string, value: string): string =>
    (hidden?.has(key) ?? isSecretName(key)) ? MASKED : value;
  const parameters: [string, string][] = [];
  const resolved: [string, string][] = [];
  for (const { ParameterKey: key = '', ParameterValue: value = '', ResolvedValue } of set.Parameters ?? []) {
    parameters.push([key, mask(key, value)]);
    if (ResolvedValue !== undefined)
      resolved.push([key, isPlainSecret(key, ResolvedValue) ? MASKED : mask(key, ResolvedValue)]);
  }
  return {
    templates,
    parameters: Object.fromEntries(parameters),
    resolved: Object.fromEntries(resolved),
    tags: Object.fromEntries((set.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
    capabilities: [...(set.Capabilities ?? [])].sort(),
    notificationArns: [...(set.NotificationARNs ?? [])].sort(),
    revertsDrift: set.DeploymentMode === 'REVERT_DRIFT',
    ...(set.OnStackFailure && { onStackFailure: set.OnStackFailure }),
    ...(set.DeploymentConfig?.Mode && { mode: set.DeploymentConfig.Mode }),
    ...(set.DeploymentConfig?.DisableRollback !== undefined && {
      disableRollback: set.DeploymentConfig.DisableRollback,
    }),
  };
}

/** A secret that lies in a plain SSM parameter; one with the name of a secret mostly tells where the secret is. */
function isPlainSecret(key: string, resolved: string): boolean {
  return isSecretName(key) && !resolved.startsWith('arn:');
}

function templateHashes(tree: ChangeSetTree, path: readonly string[]): Record<string, string> {
  const own = tree.template === undefined ? {} : { [path.join('/')]: hash(tree.template) };
  const nested = tree.nested.map(({ logicalId, tree: below }) => templateHashes(below, [...path, logicalId]));
  return Object.assign(own, ...nested) as Record<string, string>;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function redacted({ redactor }: CloudFormationContext, change: ResourceChange): ResourceChange {
  const clean = ({ before, after, drift, ...rest }: PropertyChange): PropertyChange => ({
    ...rest,
    ...(before !== undefined && { before: redactor.redact(before) }),
    ...(after !== undefined && { after: redactor.redact(after) }),
    ...(drift && {
      drift: {
        ...(drift.expected !== undefined && { expected: redactor.redact(drift.expected) }),
        ...(drift.actual !== undefined && { actual: redactor.redact(drift.actual) }),
      },
    }),
  });
  return { ...change, properties: change.properties.map(clean) };
}
