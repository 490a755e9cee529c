import type { SmokeTest } from '../release/service/request.ts';
import type { Environment, Service } from './manifest.ts';

/** The smoke test of a service, as update-service runs it. A path is asked at the environment's own URL. */
export function smokeTestOf({ url = '' }: Environment, { smokeTest }: Service): SmokeTest | undefined {
  if (!smokeTest) return undefined;
  const { timeoutMs } = smokeTest;
  if (smokeTest.kind === 'command') {
    const [first = '', ...others] = smokeTest.command;
    return { kind: 'command', command: [first, ...others], timeoutMs };
  }
  const [lowest = '200', highest = lowest] = smokeTest.status.split('-');
  return {
    kind: 'url',
    url: `${url}${smokeTest.path}`,
    status: [Number(lowest), Number(highest)],
    timeoutMs,
    ...(smokeTest.body !== undefined && { body: smokeTest.body }),
  };
}
