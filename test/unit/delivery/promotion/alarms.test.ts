import { expect, test } from '@jest/globals';
import { alarmFinding, type AlarmState } from '../../../../src/delivery/promotion/gates/alarms.ts';

test.each<[AlarmState['state'], 'ok' | 'not-alarm', RegExp | undefined]>([
  ['OK', 'ok', undefined],
  ['OK', 'not-alarm', undefined],
  ['ALARM', 'ok', /^The alarm errors of api in dev is in ALARM: why$/],
  ['ALARM', 'not-alarm', /is in ALARM: why$/],
  ['INSUFFICIENT_DATA', 'ok', /^The alarm errors of api in dev is in INSUFFICIENT_DATA: why$/],
  ['INSUFFICIENT_DATA', 'not-alarm', undefined],
  ['missing', 'ok', /^The alarm errors of api in dev does not exist/],
  ['missing', 'not-alarm', /does not exist/],
])('%s with alarms=%s', (state, accepted, message) => {
  const where = { service: 'api', environment: 'dev', accepted };
  const found = alarmFinding('errors', { state, reason: 'why' }, where);
  if (message) expect(found).toMatchObject({ gate: 'alarms', message: expect.stringMatching(message) });
  else expect(found).toBeUndefined();
});
