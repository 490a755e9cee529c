import { afterAll, beforeAll } from '@jest/globals';
import { DockerRegistry } from '../docker-registry.ts';
import { type BaseImage, pushBusybox } from './base-image.ts';
import { hasEngines } from './start.ts';

/** A real registry for the tests of a file, with a base image with busybox. */
export function useBaseRegistry(): { registry: () => DockerRegistry; base: () => BaseImage } {
  let started: { registry: DockerRegistry; base: BaseImage } | undefined;
  const get = () => {
    if (!started) throw new Error('the registry was not started');
    return started;
  };
  beforeAll(async () => {
    if (!hasEngines) return;
    const registry = await DockerRegistry.start();
    started = { registry, base: await pushBusybox(registry.host, { repository: 'base', tag: 'latest' }) };
  });
  afterAll(async () => {
    await started?.registry.stop();
  });
  return { registry: () => get().registry, base: () => get().base };
}
