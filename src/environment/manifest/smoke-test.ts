import type { SmokeTest } from '../../delivery/release/request.ts';
import type { Environment, Service } from './manifest.ts';

/** The smoke test of a service, as a release runs it. A path is requested at the environment's own URL. */
export function smokeTestOf(
  environment: Environment | undefined,
  smokeTest: Service['smokeTest'],
): SmokeTest | undefined {
  if (!smokeTest) return undefined;
  const { timeoutMs } = smokeTest;
  if (smokeTest.kind === 'command') {
    const [program, ...rest] = smokeTest.command;
    return program === undefined ? undefined : { kind: 'command', command: [program, ...rest], timeoutMs };
  }
  const [lowest = 200, highest = lowest] = smokeTest.status.split('-').map(Number);
  const { path, body } = smokeTest;
  return {
    kind: 'url',
    url: `${environment?.url ?? ''}${path}`,
    status: [lowest, highest],
    timeoutMs,
    ...(body !== undefined && { body }),
  };
}
