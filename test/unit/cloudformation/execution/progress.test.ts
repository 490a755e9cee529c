import { describe, expect, test } from '@jest/globals';
import { dependencies } from '../../../../src/cloudformation/template/dependencies.ts';
import {
  Estimate,
  type ExpectedStep,
  Progress,
  type ResourceAction,
} from '../../../../src/cloudformation/execution/progress.ts';
import { type ResourceEvent, Timeline } from '../../../../src/cloudformation/execution/events.ts';
import { recordingLog } from '../../core/fakes.ts';

const T0 = Date.UTC(2026, 0, 1, 12, 0, 0);
const ROOT = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1';

function eventOf(
  at: number,
  logicalId: string,
  type: string,
  status: string,
  reason?: string,
): ResourceEvent {
  return {
    id: `${logicalId}-${status}-${at}`,
    stackId: ROOT,
    logicalId,
    physicalId: `${logicalId}-1`,
    type,
    status,
    at: T0 + at * 1000,
    ...(reason === undefined ? {} : { reason }),
  };
}

function step(
  logicalId: string,
  type: string,
  action: ResourceAction = 'create',
  nesting: string[] = [],
): ExpectedStep {
  return { logicalId, nesting, type, action };
}

/** Feeds events through a timeline, as the watch does. */
function shown(
  events: readonly [ResourceEvent, string[]?][],
  estimate = new Estimate([], new Map()),
): string[] {
  const { log, lines } = recordingLog();
  const timeline = new Timeline(ROOT);
  const progress = new Progress(log, estimate, T0);
  for (const [event, nesting = []] of events) {
    const changed = timeline.add(event, nesting);
    if (changed) progress.step(changed, event.at);
  }
  return lines;
}

describe('progress', () => {
  test('is one line a finished change, aligned', () => {
    const lines = shown([
      [eventOf(0, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_IN_PROGRESS')],
      [eventOf(1, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_IN_PROGRESS', 'Resource creation Initiated')],
      [eventOf(106, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_COMPLETE')],
      [eventOf(107, 'Old', 'AWS::EC2::Subnet', 'DELETE_IN_PROGRESS')],
      [eventOf(110, 'Old', 'AWS::EC2::Subnet', 'DELETE_COMPLETE')],
      [eventOf(111, 'Bad', 'AWS::EC2::Subnet', 'UPDATE_IN_PROGRESS')],
      [eventOf(112, 'Bad', 'AWS::EC2::Subnet', 'UPDATE_FAILED', 'CIDR\nconflicts')],
    ]);
    expect(lines).toEqual([
      '12:01:46  +   1m 46s  CREATE_COMPLETE     AWS::EC2::NatGateway                      Nat',
      '12:01:50  -       3s  DELETE_COMPLETE     AWS::EC2::Subnet                          Old',
      '12:01:52  !       1s  UPDATE_FAILED       AWS::EC2::Subnet                          Bad  CIDR conflicts',
    ]);
  });

  test('nested stacks begin with a line, and hold theirs indented', () => {
    const lines = shown([
      [eventOf(0, 'Network', 'AWS::CloudFormation::Stack', 'CREATE_IN_PROGRESS')],
      [{ ...eventOf(1, 'Vpc', 'AWS::EC2::VPC', 'CREATE_IN_PROGRESS'), stackId: 'child' }, ['Network']],
      [{ ...eventOf(5, 'Vpc', 'AWS::EC2::VPC', 'CREATE_COMPLETE'), stackId: 'child' }, ['Network']],
      [eventOf(6, 'Network', 'AWS::CloudFormation::Stack', 'CREATE_COMPLETE')],
    ]);
    expect(lines).toEqual([
      '12:00:00  +           CREATE_IN_PROGRESS  AWS::CloudFormation::Stack                Network',
      '12:00:05  +       4s  CREATE_COMPLETE     AWS::EC2::VPC                               Network/Vpc',
      '12:00:06  +       6s  CREATE_COMPLETE     AWS::CloudFormation::Stack                Network',
    ]);
  });

  test('says now and then where things stand', () => {
    const { log, lines } = recordingLog();
    const estimate = new Estimate(
      [step('Nat', 'AWS::EC2::NatGateway'), step('Vpc', 'AWS::EC2::VPC')],
      new Map(),
    );
    const progress = new Progress(log, estimate, T0);
    const timeline = new Timeline(ROOT);
    const vpc = timeline.add(eventOf(0, 'Vpc', 'AWS::EC2::VPC', 'CREATE_COMPLETE'), []);
    const nat = timeline.add(eventOf(0, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_IN_PROGRESS'), []);
    if (!vpc || !nat) throw new Error('no steps');
    progress.step(vpc, T0);
    progress.step(nat, T0);
    progress.tick(T0 + 10_000);
    progress.tick(T0 + 25_000);
    progress.tick(T0 + 30_000);
    expect(lines.slice(1)).toEqual(['          … 1 of 2 done, running: Nat 25s, about 1 min left']);
  });
});

describe('the estimate', () => {
  const chain = new Map([
    ['Nat', ['Subnet']],
    ['Subnet', ['Vpc']],
    ['Vpc', []],
  ]);
  const types = { Vpc: 'AWS::EC2::VPC', Subnet: 'AWS::EC2::Subnet', Nat: 'AWS::EC2::NatGateway' };
  const steps = (action: ResourceAction): ExpectedStep[] =>
    Object.entries(types).map(([id, type]) => step(id, type, action));

  test('is the longest path, not the sum', () => {
    const separate = new Estimate(steps('create'), new Map());
    expect(separate.remainingSeconds(T0)).toBe(106);
    expect(new Estimate(steps('create'), chain).remainingSeconds(T0)).toBe(12 + 8 + 106);
  });

  test('goes the other way round for deletions', () => {
    expect(new Estimate(steps('delete'), chain).remainingSeconds(T0)).toBe(60 + 5 + 5);
  });

  test('counts what runs by what it still needs, and never less than a fifth', () => {
    const estimate = new Estimate([step('Nat', 'AWS::EC2::NatGateway')], new Map());
    const [running] = [
      new Timeline(ROOT).add(eventOf(0, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_IN_PROGRESS'), []),
    ];
    if (!running) throw new Error('no step');
    estimate.add(running, T0);
    expect(estimate.remainingSeconds(T0 + 100_000)).toBeCloseTo(106 / 5);
    expect(estimate.remainingSeconds(T0 + 6_000)).toBe(100);
  });

  test('a nested stack waits for what is in it', () => {
    const nested = [
      step('Network', 'AWS::CloudFormation::Stack'),
      step('Nat', 'AWS::EC2::NatGateway', 'create', ['Network']),
    ];
    expect(new Estimate(nested, new Map()).remainingSeconds(T0)).toBe(106 + 8);
  });

  test('a circle in a template does not hang it', () => {
    const circle = new Map([
      ['Vpc', ['Subnet']],
      ['Subnet', ['Vpc']],
    ]);
    expect(new Estimate(steps('create'), circle).remainingSeconds(T0)).toBeGreaterThan(0);
  });
});

test('dependencies are read from every way of naming a resource', () => {
  const found = dependencies(`
Parameters: { Name: { Type: String } }
Resources:
  Vpc: { Type: AWS::EC2::VPC }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, Name: !Ref Name } }
  Role: { Type: AWS::IAM::Role, DependsOn: [Vpc, Subnet] }
  Long: { Type: A::B::C, Properties: { A: { Ref: Vpc }, B: { Fn::GetAtt: [Role, Arn] } } }
  Short: { Type: A::B::C, Properties: { A: !GetAtt Role.Arn, B: !GetAtt [Subnet, Id] } }
  Text: { Type: A::B::C, Properties: { A: !Sub 'x-\${Vpc}-\${Role.Arn}-\${AWS::Region}' } }
  Mapped: { Type: A::B::C, DependsOn: Vpc, Properties: { A: { Fn::Sub: ['\${Subnet}-\${X}', { X: !Ref Role }] } } }
`);
  expect(Object.fromEntries([...found].map(([id, names]) => [id, names.toSorted()]))).toEqual({
    Vpc: [],
    Subnet: ['Vpc'],
    Role: ['Subnet', 'Vpc'],
    Long: ['Role', 'Vpc'],
    Short: ['Role', 'Subnet'],
    Text: ['Role', 'Vpc'],
    Mapped: ['Role', 'Subnet', 'Vpc'],
  });
});
