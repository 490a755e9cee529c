import { describe, expect, test } from '@jest/globals';
import { map, readInputs } from '../../../../src/core/inputs/contract.ts';

/** A map of texts as an action reads it: build-args, labels, environment, images, roles. */
function read(text: string): Record<string, string> {
  return readInputs({ entries: map() }, { getInput: () => text, env: {} }).entries;
}

describe('a map on one line', () => {
  test.each([
    ['variables with a comma', 'NODE_ENV=production,TOKEN=hunter2'],
    ['variables with spaces', 'NODE_ENV=production TOKEN=hunter2'],
    ['both', 'NODE_ENV=production, LOG=info TOKEN=hunter2'],
    ['three', 'A=1,B=2,C=hunter2'],
    ['labels', 'org.opencontainers.image.title=shop,org.opencontainers.image.version=hunter2'],
    ['images', 'api=repo/api@sha256:1,web=repo/web@sha256:hunter2'],
    ['roles', 'dev=arn:aws:iam::111111111111:role/a prod=arn:aws:iam::333333333333:role/hunter2'],
    ['lines that all end with a comma', 'A=1,\nB=2,\nC=hunter2'],
  ])('%s is refused without its value', (_name, text) => {
    expect(() => read(text)).toThrow(/^entries: expected one line each, got several entries on one line/);
    expect(() => read(text)).not.toThrow(/hunter2/);
  });

  test.each<[string, string, Record<string, string>]>([
    [
      'attributes',
      'OTEL_RESOURCE_ATTRIBUTES=service.name=a,env=b',
      {
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,env=b',
      },
    ],
    [
      'a connection string',
      'REDIS=redis:6379,ssl=True,abortConnect=False',
      {
        REDIS: 'redis:6379,ssl=True,abortConnect=False',
      },
    ],
    ['options', 'JAVA_OPTS=-Xmx1g -DFOO=1', { JAVA_OPTS: '-Xmx1g -DFOO=1' }],
    ['a sentence', 'GREETING=hello, world and A=1 more', { GREETING: 'hello, world and A=1 more' }],
    ['quotes', 'MESSAGE="1,B=2"', { MESSAGE: '"1,B=2"' }],
    ['a list', 'PATHS=/a/*,/b/*', { PATHS: '/a/*,/b/*' }],
    ['a URL', 'URL=https://x/?A=1&B=2', { URL: 'https://x/?A=1&B=2' }],
    ['several lines', 'A=1,B=2\nC=3', { A: '1,B=2', C: '3' }],
    ['YAML', 'A: 1,B=2', { A: '1,B=2' }],
  ])('%s is one value', (_name, text, expected) => {
    expect(read(text)).toEqual(expected);
  });
});
