import { describe, expect, test } from '@jest/globals';
import { Progress } from '../../../../src/cloudformation/execution/progress.ts';
import { EventReader, Timeline } from '../../../../src/cloudformation/execution/events.ts';
import { FollowedServices } from '../../../../src/cloudformation/execution/services.ts';
import { watchOperation } from '../../../../src/cloudformation/execution/watch.ts';
import { type FakeAws, fakeAws } from '../aws.ts';

const ROOT = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1';
const PAGE = 100;

interface Event {
  EventId: string;
  StackId: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
  ResourceType: string;
  ResourceStatus: string;
  ClientRequestToken: string;
  Timestamp: Date;
}

let count = 0;
function eventOf(id: string | undefined, status: string, at: number, token = 'ours'): Event {
  count += 1;
  return {
    EventId: `e${count}`,
    StackId: ROOT,
    LogicalResourceId: id ?? 'app',
    PhysicalResourceId: id === undefined ? ROOT : `${id}-1`,
    ResourceType: id === undefined ? 'AWS::CloudFormation::Stack' : 'AWS::SNS::Topic',
    ResourceStatus: status,
    ClientRequestToken: token,
    Timestamp: new Date(at),
  };
}

/** Returns the events so far in pages, newest first. */
function serving(events: readonly Event[], status = 'UPDATE_COMPLETE'): FakeAws {
  const aws = fakeAws({
    DescribeStackEvents: ({ NextToken: token }) => {
      const now = aws.clock.now();
      const happened = events.filter((event) => event.Timestamp.getTime() <= now).toReversed();
      const from = Number(token ?? 0);
      const more = from + PAGE < happened.length ? { NextToken: String(from + PAGE) } : {};
      return { StackEvents: happened.slice(from, from + PAGE), ...more };
    },
    DescribeStacks: () => ({
      Stacks: [{ StackName: 'app', StackId: ROOT, StackStatus: status, CreationTime: new Date(0) }],
    }),
  });
  return aws;
}

describe('reading events', () => {
  test('returns each event once, oldest first, over all pages', async () => {
    const events = Array.from({ length: 250 }, (_, index) => eventOf(`r${index}`, 'CREATE_COMPLETE', index));
    const aws = serving(events);
    const reader = new EventReader(aws.context, ROOT);
    expect((await reader.read()).map(({ id }) => id)).toEqual(events.map(({ EventId }) => EventId));
    expect(await reader.read()).toEqual([]);
    expect(aws.inputs('DescribeStackEvents')).toHaveLength(4);
  });

  test('returns each event once even if pages shift during the read', async () => {
    const events = Array.from({ length: 150 }, (_, index) =>
      eventOf(`r${index}`, 'CREATE_COMPLETE', index),
    ).toReversed();
    const aws = fakeAws({
      DescribeStackEvents: ({ NextToken: token }) =>
        token === undefined
          ? { StackEvents: events.slice(0, 100), NextToken: '2' }
          : { StackEvents: events.slice(95) },
    });
    expect(await new EventReader(aws.context, ROOT).read()).toHaveLength(150);
  });

  test('stops at the given marker or time', async () => {
    const events = Array.from({ length: 250 }, (_, index) => eventOf(`r${index}`, 'CREATE_COMPLETE', index));
    const aws = serving(events);
    const after = await new EventReader(aws.context, ROOT, { eventId: events[245]?.EventId ?? '' }).read();
    const since = await new EventReader(aws.context, ROOT, { sinceMs: 240 }).read();
    expect([after.length, since.length]).toEqual([4, 10]);
    expect(aws.inputs('DescribeStackEvents')).toHaveLength(2);
  });
});

test('watching 500 resources with 10,000 events reads only the new pages', async () => {
  const resources = Array.from({ length: 500 }, (_, index) => `Topic${index}`);
  const start = fakeAws({}).clock.now();
  const old = Array.from({ length: 10_000 }, (_, index) =>
    eventOf(resources[index % 500], 'UPDATE_COMPLETE', start - 1, 'old'),
  );
  const own = Array.from({ length: 9998 }, (_, index) =>
    eventOf(
      resources[index % 500],
      index % 1000 < 500 ? 'UPDATE_IN_PROGRESS' : 'UPDATE_COMPLETE',
      start + index * 6,
    ),
  );
  const events = [
    ...old,
    eventOf(undefined, 'UPDATE_IN_PROGRESS', start),
    ...own,
    eventOf(undefined, 'UPDATE_COMPLETE', start + 60_000),
  ];
  const aws = serving(events);
  const timeline = new Timeline(ROOT);
  const progress = new Progress(aws.context.log, [], aws.clock.now());
  const operation = {
    stackName: 'app',
    stackId: ROOT,
    kind: 'update' as const,
    token: 'ours',
    afterEventId: old.at(-1)?.EventId ?? '',
  };
  const execution = await watchOperation(aws.context, operation, {
    deadlineMs: start + 600_000,
    progress,
    timeline,
    services: new FollowedServices(undefined),
  });
  expect(execution).toMatchObject({ status: 'UPDATE_COMPLETE', durationMs: 60_000 });
  const polls = aws.clock.sleeps.length + 1;
  expect(aws.inputs('DescribeStackEvents').length).toBeLessThanOrEqual(10_000 / PAGE + 2 * polls);
  expect([...timeline.steps]).toHaveLength(500);
  expect(aws.lines.length).toBeLessThan(5_100);
});
