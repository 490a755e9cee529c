import { DescribeStackEventsCommand } from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import { DEV } from '../../clients.ts';
import { Stacks } from '../stacks.ts';
import { stackDatabase } from '../../../../../sandbox/cloudformation/engine/stack-database.ts';

/** The maximum number of resources in a stack; all except the first ten depend on the one ten before them. */
const body = (value: string): string => {
  const resources = Array.from({ length: 500 }, (_, i) => {
    const shown = i < 10 ? value : `!GetAtt P${i - 10}.Value`;
    return ` P${i}: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: ${shown}}}`;
  });
  return `Resources:\n${resources.join('\n')}`;
};

test('the largest stack, and a history of thousands of events', async () => {
  const stacks = await Stacks.start({ timeScale: 100_000 });
  expect((await stacks.deploy('big', body('a'))).StackStatus).toBe('CREATE_COMPLETE');
  expect((await stacks.deploy('big', body('b'))).StackStatus).toBe('UPDATE_COMPLETE');
  const { events } = stackDatabase(stacks.sandbox.world, DEV, 'eu-west-1').find('big')!;
  expect(events).toHaveLength(1 + 2 + 500 * 3 + 3 + 500 * 2);
  const history = Array.from({ length: 10_000 }, (_, i) => ({ ...events[i % 1000]!, EventId: `event-${i}` }));
  events.unshift(...history);
  /** Milliseconds of CPU for each page. */
  const times: number[] = [];
  const ids = new Set<string | undefined>();
  let NextToken: string | undefined;
  do {
    const start = process.cpuUsage();
    const page = await stacks.client.send(new DescribeStackEventsCommand({ StackName: 'big', NextToken }));
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
    for (const { EventId } of page.StackEvents!) ids.add(EventId);
    NextToken = page.NextToken;
  } while (NextToken);
  expect(ids.size).toBe(events.length);
  const median = (part: number[]) => part.sort((one, other) => one - other)[Math.floor(part.length / 2)]!;
  const middle = Math.floor(times.length / 2);
  expect(median(times.slice(middle))).toBeLessThan(20 + 3 * median(times.slice(0, middle)));
});
