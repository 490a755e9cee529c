import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { contextEntries, ignoreRules } from '../../../../src/images/build/context-files.ts';

const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend', 'gateway'];

test.each(SERVICES)(
  'the build of %s sees itself, what is shared, and nothing of another service',
  (service) => {
    const rules = ignoreRules('services', join('services', service, 'Dockerfile'));
    const seen = contextEntries('services', rules)
      .filter(({ kind }) => kind === 'file')
      .map(({ path }) => path);
    const others = SERVICES.filter((name) => name !== service).map((name) => `${name}/package.json`);
    const foreign = seen.filter((path) => !path.startsWith(`${service}/`) && !path.startsWith('shared/'));
    const common = ['build.js', 'package-lock.json', 'package.json', 'tsconfig.json'];
    expect(foreign.sort()).toEqual([...common, ...others].sort());
    expect(seen).toEqual(expect.arrayContaining([`${service}/package.json`, 'shared/package.json']));
    expect(seen.filter((path) => /node_modules|\/(?:dist|test)\/|Dockerfile|\.md$/.test(path))).toEqual([]);
  },
);
