import { createLog } from '../../shared/src/log.ts';

export const silentLog = createLog({ name: 'test', version: '0' }, 'silent');
