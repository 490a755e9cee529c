import { describe, expect, test } from '@jest/globals';
import { Annotations } from '../../../src/core/log.ts';
import { recordingLog } from './fakes.ts';

describe('Annotations', () => {
  test('shows the ten most important of each type; the others are in the log and counted', () => {
    const { log, lines } = recordingLog();
    const annotations = new Annotations();
    for (let index = 0; index < 13; index++) {
      annotations.add({
        level: 'error',
        message: `e${index}`,
        priority: index,
        file: 'a.yml',
        line: index + 1,
      });
    }
    annotations.add({ level: 'warning', message: 'w' });
    annotations.flush(log);
    expect(lines.filter((line) => line.startsWith('::error'))).toHaveLength(10);
    expect(lines[0]).toBe('::error file=a.yml,line=13::e12');
    expect(lines.slice(10)).toEqual([
      '3 more of level error (GitHub shows only 10 per step):',
      '  a.yml:3: e2',
      '  a.yml:2: e1',
      '  a.yml:1: e0',
      '::warning::w',
    ]);
  });

  test('equal annotations keep their order', () => {
    const { log, lines } = recordingLog();
    const annotations = new Annotations();
    for (const message of ['a', 'b', 'c']) annotations.add({ level: 'notice', message });
    annotations.flush(log);
    expect(lines).toEqual(['::notice::a', '::notice::b', '::notice::c']);
  });

  test('annotations written by the log count too', () => {
    const { log, lines } = recordingLog();
    for (let index = 0; index < 9; index++) log.warning(`w${index}`);
    const annotations = new Annotations();
    annotations.add({ level: 'warning', message: 'low' });
    annotations.add({ level: 'warning', message: 'high', priority: 1 });
    annotations.flush(log);
    expect(lines.slice(9)).toEqual([
      '::warning::high',
      '1 more of level warning (GitHub shows only 10 per step):',
      '  low',
    ]);
  });

  test('each annotation is written once', () => {
    const { log, lines } = recordingLog();
    const annotations = new Annotations();
    annotations.add({ level: 'error', message: 'e' });
    annotations.flush(log);
    annotations.flush(log);
    expect(lines).toEqual(['::error::e']);
  });
});
