import { describe, expect, test } from '@jest/globals';
import { createLog } from '../../../src/core/log.ts';
import { actionsRunner } from '../../../src/core/runner.ts';
import { recordingLog, recordingRunner } from './fakes.ts';
import { FakeHost } from './host.ts';

describe('createLog', () => {
  test('each level is a command; info is the text', () => {
    const { log, lines } = recordingLog();
    log.debug('d');
    log.info('i');
    log.notice('n');
    log.warning('w');
    log.error('e');
    expect(lines).toEqual(['::debug::d', 'i', '::notice::n', '::warning::w', '::error::e']);
    expect(log.annotated).toEqual({ error: 1, warning: 1, notice: 1 });
  });

  test('an annotation has its position and is escaped for the runner', () => {
    const host = new FakeHost();
    createLog(actionsRunner).error('50 %\r\nof a: b, c', {
      title: 'a: b, c%',
      file: 'x,y:z.yml',
      line: 3,
      endLine: 4,
      column: 5,
    });
    host.remove();
    expect(host.log).toBe(
      '::error title=a%3A b%2C c%25,file=x%2Cy%3Az.yml,line=3,endLine=4,col=5::50 %25%0D%0Aof a: b, c\n',
    );
  });

  test.each([
    ['::error::x', ': :error::x'],
    ['  ::add-mask::x', '  : :add-mask::x'],
    ['one\n::stop-commands::x\rtwo', 'one\n: :stop-commands::x\rtwo'],
    ['one\r::error::x', 'one\r: :error::x'],
    ['a ##[error]x', 'a # #[error]x'],
    ['AWS::EC2::VPC', 'AWS::EC2::VPC'],
  ])('text that looks like a command is not one: %j', (text, expected) => {
    const { log, lines } = recordingLog();
    log.info(text);
    expect(lines).toEqual([expected]);
  });

  test('a secret is masked for the runner and in every text', () => {
    const { log, lines } = recordingLog();
    log.secret('hunter22\nsecond line');
    expect(lines).toEqual([
      '::add-mask::hunter22%0Asecond line',
      '::add-mask::hunter22',
      '::add-mask::second line',
    ]);
    lines.length = 0;
    log.info('hunter22');
    log.debug('hunter22');
    log.error('hunter22', { title: 'hunter22', file: 'hunter22' });
    expect(lines.join('\n')).not.toContain('hunter22');
  });

  test('a short or common value is not masked, because GitHub would drop outputs with it', () => {
    const { log, lines } = recordingLog();
    for (const value of ['true', 'prod', '4096', 'abc']) log.secret(value);
    log.info('true in prod, 4096 times abc');
    expect(lines).toEqual(['true in prod, 4096 times abc']);
  });

  test('without a runner, no mask command is printed', () => {
    const lines: string[] = [];
    createLog(recordingRunner(lines), undefined, { mask: false }).secret('hunter22');
    expect(lines).toEqual([]);
  });

  test('a group ends even if its work fails, and returns its result', async () => {
    const { log, lines } = recordingLog();
    expect(await log.group('a\nb', () => Promise.resolve(1))).toBe(1);
    await expect(log.group('c', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual(['::group::a%0Ab', '::endgroup::', '::group::c', '::endgroup::']);
  });
});
