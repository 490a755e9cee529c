import { afterAll, beforeAll, test } from '@jest/globals';
import { canRun, runsWith, testWith } from '../software.ts';
import { ContainerEngine } from './container.ts';
import type { Driver, Engine, EngineOptions } from './engine.ts';
import { DaemonEngine } from './of-docker.ts';
import { RemoteEngine } from './remote.ts';

const STARTS: Record<Driver, (options: EngineOptions) => Promise<Engine>> = {
  remote: (options) => RemoteEngine.start(options),
  'docker-container': (options) => ContainerEngine.start(options),
  docker: () => DaemonEngine.start('docker'),
  'docker without buildx': () => DaemonEngine.start('docker without buildx'),
};

const SOFTWARE = ['dockerd', 'docker-registry', 'skopeo', 'runc', 'busybox'];
/** Whether engines can be started on this machine. In CI, the programs must exist. */
export const hasEngines =
  runsWith(...SOFTWARE) && (['buildx', 'buildkitd', 'buildctl'] as const).every(canRun);

/** `test` if engines can be started. Otherwise it prints a warning; in CI it fails instead. */
export const testWithEngines = hasEngines ? test : testWith(...SOFTWARE);

/** An engine for the tests of a file or of a `describe`, started before them. Prints its version. */
export function useEngine(driver: Driver, options: () => EngineOptions = () => ({})): () => Engine {
  let engine: Engine | undefined;
  beforeAll(async () => {
    if (!hasEngines) return;
    const started = Date.now();
    engine = await STARTS[driver](options());
    process.stderr.write(`${driver}: ${await engine.version()} (started in ${Date.now() - started} ms)\n`);
  });
  afterAll(async () => {
    await engine?.stop();
  });
  return () => {
    if (!engine) throw new Error(`the engine ${driver} was not started`);
    return engine;
  };
}
