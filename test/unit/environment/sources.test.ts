import { describe, expect, test } from '@jest/globals';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { chooseTargets, environmentSources, firstOfSources } from '../../../src/environment/run/targets.ts';
import { useWorkspaces } from '../../support/action.ts';

const workspaceOf = useWorkspaces();
const PLAIN = 'Resources: { Topic: { Type: AWS::SNS::Topic } }';

function sourcesOf(build: string, network = PLAIN): string[] | undefined {
  const workspace = workspaceOf({ 'templates/network.yml': network, 'templates/api.yml': PLAIN });
  const text = `
project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111', parameters: environments/dev.json }
stacks:
  network: { template: templates/network.yml }
services:
  api: { path: services/api, paths: ['/*'], priority: 100, template: templates/api.yml${build} }
`;
  const manifest = parseManifest(text, 'platform.yml');
  const choice = chooseTargets(manifest, { environment: 'dev', stacks: [], services: [] });
  return environmentSources(manifest, choice, workspace);
}

const SHARED = ['platform.yml', 'environments/dev.json', 'templates/network.yml', 'templates/api.yml'];

describe('an environment depends on', () => {
  test.each<[string, string, string[]]>([
    [
      'the folder of a service',
      '',
      ['services/api', 'services/api/Dockerfile', 'services/api/Dockerfile.dockerignore'],
    ],
    [
      'another context and Dockerfile',
      ', build: { context: ., file: docker/api.Dockerfile }',
      ['', 'docker/api.Dockerfile', 'docker/api.Dockerfile.dockerignore'],
    ],
    [
      'named contexts',
      ", build: { build-contexts: { shared: shared, base: 'docker-image://node:24', layout: 'oci-layout://images/base@sha256:1' } }",
      [
        'services/api',
        'services/api/Dockerfile',
        'services/api/Dockerfile.dockerignore',
        'shared',
        'images/base',
      ],
    ],
    ['a layout', ', build: { oci-layout: out/image.tar }', ['out/image.tar']],
    ['nothing for a mirrored image', ", build: { from: 'ghcr.io/org/api:1' }", []],
  ])('%s', (_, build, files) => {
    expect(sourcesOf(build)).toEqual([...SHARED, ...files]);
  });

  test('a template with language extensions', () => {
    const loop = `Transform: AWS::LanguageExtensions\n${PLAIN}`;
    expect(sourcesOf('', loop)?.slice(0, SHARED.length)).toEqual(SHARED);
  });

  test.each([
    ['a bake file', ', build: { bake-file: docker-bake.hcl }', PLAIN],
    [
      'a template with a local path',
      '',
      'Resources: { Child: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: child.yml } } }',
    ],
    ['a template with a macro', '', `Transform: AWS::Serverless-2016-10-31\n${PLAIN}`],
    ['a template with a macro among others', '', `Transform: [AWS::LanguageExtensions, Own]\n${PLAIN}`],
    [
      'a template with a macro in a resource',
      '',
      'Resources: { Topic: { Fn::Transform: { Name: AWS::Include }, Type: AWS::SNS::Topic } }',
    ],
  ])('unknown files of %s', (_, build, network) => {
    expect(sourcesOf(build, network)).toBeUndefined();
  });
});

test.each<[string, string[], string | undefined]>([
  ['services/api/main.ts', ['services/api'], 'services/api/main.ts'],
  ['services/api', ['services/api/src'], 'services/api'],
  ['services/api-docs/a.md', ['services/api'], undefined],
  ['docs/a.md', ['services/api', 'platform.yml'], undefined],
  ['platform.yml', ['platform.yml'], 'platform.yml'],
  ['docs/platform.yml', ['platform.yml'], undefined],
  ['README.md', [''], 'README.md'],
])('%s, with the sources %j: %s', (changed, sources, found) => {
  expect(firstOfSources([changed], sources)).toBe(found);
});
