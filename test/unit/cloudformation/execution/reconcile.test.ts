import { afterAll, expect, test } from '@jest/globals';
import type { Input } from '../aws.ts';
import { run, type Step, StackWorld } from '../stack-world.ts';

/**
 * Planned changes without an event, in the format of change sets. The other cases are played by the sandbox:
 * test/wire/reconcile.test.ts.
 */

const TOUCHED: Step[] = [
  { at: 0, status: 'UPDATE_IN_PROGRESS' },
  { at: 1, id: 'Role', status: 'UPDATE_IN_PROGRESS' },
  { at: 4, id: 'Role', status: 'UPDATE_COMPLETE' },
  { at: 5, status: 'UPDATE_COMPLETE' },
];

const change = (id: string, fields: Input = {}, ...details: Input[]): Input => ({
  Type: 'Resource',
  ResourceChange: {
    Action: 'Modify',
    LogicalResourceId: id,
    PhysicalResourceId: `${id}-1`,
    ResourceType: 'AWS::Lambda::Function',
    Replacement: 'False',
    ...fields,
    Details: details,
  },
});
const detail = (cause: string | undefined, target: Input = {}): Input => ({
  Evaluation: cause === undefined ? 'Static' : 'Dynamic',
  ...(cause === undefined ? { ChangeSource: 'DirectModification' } : { CausingEntity: cause }),
  Target: { Attribute: 'Properties', Name: 'Role', RequiresRecreation: 'Never', ...target },
});
const ROLE = change('Role', {}, detail(undefined, { Name: 'Policies' }));
const resource = (id: string, fields: Input = {}): Input => ({
  LogicalResourceId: id,
  PhysicalResourceId: `${id}-1`,
  ResourceType: 'AWS::Lambda::Function',
  ResourceStatus: 'UPDATE_COMPLETE',
  LastUpdatedTimestamp: new Date(0),
  ...fields,
});
const RESOURCES = [resource('Role'), resource('User')];
const UNKNOWN = { BeforeValue: 'a', AfterValue: '{{changeSet:KNOWN_AFTER_APPLY}}' };

interface Situation {
  name: string;
  user: Input;
  resources?: Input[];
  /** The part of the reason about the resource User. If absent, the update is proven. */
  red?: RegExp;
}

const NO_EVENT = /User \(AWS::Lambda::Function\): CloudFormation reported no change to it/;
const SITUATIONS: Situation[] = [
  {
    name: 'an attribute of a resource that is updated in place',
    user: change('User', {}, detail('Role.Arn', UNKNOWN)),
  },
  { name: 'a reference to it, without values', user: change('User', {}, detail('Role')) },
  {
    name: 'a reference to a resource that was replaced',
    user: change('User', {}, detail('Role', UNKNOWN)),
    resources: [resource('Role', { PhysicalResourceId: 'Role-2' }), resource('User')],
    red: NO_EVENT,
  },
  {
    name: 'a property that was changed directly',
    user: change('User', {}, detail(undefined)),
    red: NO_EVENT,
  },
  { name: 'a property behind a parameter', user: change('User', {}, detail('Size')), red: NO_EVENT },
  {
    name: 'a value that stays the same',
    user: change('User', {}, detail('Size', { BeforeValue: 'a', AfterValue: 'a' })),
  },
  {
    name: 'metadata',
    user: change('User', {}, detail(undefined, { Attribute: 'Metadata', Name: undefined })),
  },
  { name: 'a change without details', user: change('User'), red: NO_EVENT },
  {
    name: 'a change shown in the record of the resource',
    user: change('User', {}, detail(undefined)),
    resources: [resource('Role'), resource('User', { LastUpdatedTimestamp: new Date(8.64e15) })],
  },
  {
    name: 'a replacement that has another physical id',
    user: change('User', { Replacement: 'True' }, detail(undefined)),
    resources: [resource('Role'), resource('User', { PhysicalResourceId: 'User-2' })],
  },
  {
    name: 'a replacement that has the same physical id',
    user: change('User', { Replacement: 'True' }, detail(undefined)),
    red: NO_EVENT,
  },
  {
    name: 'an addition that exists',
    user: change('User', { Action: 'Add', PhysicalResourceId: undefined }),
  },
  {
    name: 'an addition that does not exist',
    user: change('User', { Action: 'Add', PhysicalResourceId: undefined }),
    resources: [resource('Role')],
    red: /User \(AWS::Lambda::Function\): it is not in the stack/,
  },
  {
    name: 'a completed removal',
    user: change('User', { Action: 'Remove' }),
    resources: [resource('Role')],
  },
  {
    name: 'a removal of a resource that still exists',
    user: change('User', { Action: 'Remove' }),
    red: /User \(AWS::Lambda::Function\): it is still in the stack/,
  },
];

let right = 0;
afterAll(() => {
  process.stdout.write(`reconciled changes: ${right} of ${SITUATIONS.length} situations passed\n`);
});

test.each(SITUATIONS)('$name', async ({ user, resources = RESOURCES, red }) => {
  const world = new StackWorld({
    status: 'CREATE_COMPLETE',
    changes: [ROLE, user],
    resources,
    plays: { ExecuteChangeSet: TOUCHED },
  });
  const outcome = await run(world, { allowReplace: ['User'] });
  if (red) {
    expect(outcome).toMatchObject({ verdict: 'failed', error: { code: 'stack-unproven' } });
    expect(outcome.reason).toMatch(red);
  } else {
    expect({ verdict: outcome.verdict, reason: outcome.ok ? '' : outcome.reason }).toEqual({
      verdict: 'updated',
      reason: '',
    });
  }
  right += 1;
});

test('an endpoint that reports no resource events is one note', async () => {
  const world = new StackWorld({
    status: 'CREATE_COMPLETE',
    changes: [ROLE],
    resources: RESOURCES,
    plays: { ExecuteChangeSet: TOUCHED.filter(({ id }) => id === undefined) },
  });
  const outcome = await run(world);
  expect(outcome).toMatchObject({ verdict: 'updated' });
  expect(outcome.result).toMatchObject({
    notes: [expect.stringContaining('reports no resource events')],
  });
});
