import { describe, expect, test } from '@jest/globals';
import { Progress } from '../../../../src/cloudformation/execution/progress.ts';
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

/** Adds events to a timeline, like the watch. */
function shown(events: readonly [ResourceEvent, string[]?][]): string[] {
  const { log, lines } = recordingLog();
  const timeline = new Timeline(ROOT);
  const progress = new Progress(log, [], T0);
  for (const [event, nesting = []] of events) {
    const changed = timeline.add(event, nesting);
    if (changed) progress.step(changed, event.at);
  }
  return lines;
}

describe('progress', () => {
  test('is one aligned line for each completed change', () => {
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

  test('nested stacks have a heading and indented lines', () => {
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

  test('reports the status at intervals', () => {
    const { log, lines } = recordingLog();
    const progress = new Progress(log, ['Nat', 'Vpc'], T0);
    const timeline = new Timeline(ROOT);
    const vpc = timeline.add(eventOf(0, 'Vpc', 'AWS::EC2::VPC', 'CREATE_COMPLETE'), []);
    const nat = timeline.add(eventOf(0, 'Nat', 'AWS::EC2::NatGateway', 'CREATE_IN_PROGRESS'), []);
    if (!vpc || !nat) throw new Error('no steps');
    progress.step(vpc, T0);
    progress.step(nat, T0);
    progress.tick(T0 + 10_000);
    progress.tick(T0 + 25_000);
    progress.tick(T0 + 30_000);
    expect(lines.slice(1)).toEqual(['          … 1 of 2 done; in progress: Nat 25s']);
  });
});
