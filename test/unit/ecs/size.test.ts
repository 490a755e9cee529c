import { describe, expect, test } from '@jest/globals';
import { sizeFindings } from '../../../src/ecs/preflight.ts';
import { cpuUnits, memoryMib } from '../../../src/ecs/task-definition/size.ts';
import type { TaskDefinition } from '../../../src/ecs/task-definition/task-definition.ts';

test.each([
  ['256', '256'],
  ['1 vCPU', '1024'],
  ['1vcpu', '1024'],
  ['.25 vCPU', '256'],
  ['0.5 VCPU', '512'],
  ['32 vCPU', '32768'],
  ['1 GB', undefined],
  ['0', undefined],
  ['', undefined],
  ['much', undefined],
])('CPU %j is %j', (text, units) => {
  expect(cpuUnits(text)).toBe(units);
});

test.each([
  ['512', '512'],
  ['0.5 GB', '512'],
  ['2GB', '2048'],
  ['244 GB', '249856'],
  ['512 MB', '512'],
  ['1 TB', undefined],
  ['1 vCPU', undefined],
])('memory %j is %j', (text, mib) => {
  expect(memoryMib(text)).toBe(mib);
});

describe('a size of Fargate', () => {
  const found = (cpu: string | undefined, memory: string | undefined, launch = 'FARGATE'): unknown =>
    sizeFindings({ cpu, memory, requiresCompatibilities: [launch] } as unknown as TaskDefinition);

  test.each([
    ['256', '512'],
    ['256', '2048'],
    ['4096', '30720'],
    ['8192', '20480'],
    ['16384', '122880'],
    ['32768', '61440'],
    ['32768', '249856'],
  ])('%s with %s is known', (cpu, memory) => {
    expect(found(cpu, memory)).toEqual([]);
  });

  test.each([
    ['256', '1536', 'Use memory 512, or 1024 to 2048 in steps of 1024.'],
    ['8192', '17408', 'Use memory 16384 to 61440 in steps of 4096.'],
    ['32768', '131072', 'Use memory 61440, or 122880, or 249856.'],
    ['65536', '131072', 'Use one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768.'],
    [undefined, undefined, 'Use one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768.'],
  ])('%s with %s is unknown, and AWS decides', (cpu, memory, fix) => {
    expect(found(cpu, memory)).toEqual([{ level: 'warning', message: expect.any(String), fix }]);
  });

  test('is not checked for other hosts', () => {
    expect(found('300', '300', 'EC2')).toEqual([]);
  });
});
