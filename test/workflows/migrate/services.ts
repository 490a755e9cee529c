import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import { expect } from '@jest/globals';
import { parse } from 'yaml';
import { clientOf } from '../../support/aws-clients.ts';
import { openTokenRepository } from '../../support/registry.ts';
import type { MigrateScene } from './scene.ts';
import type { Shape } from './shapes.ts';

/** A repository with an image, and a service that runs another one. */
async function web(scene: MigrateScene): Promise<void> {
  await scene.repository('shop/web');
  await scene.service('web', ['web']);
}

const BUILT_AND_DEPLOYED: Pick<Shape, 'verdicts' | 'runs'> = {
  verdicts: { deploy: 'pushed, deployed' },
  runs: { web: { web: 'new' } },
};

/** The commit that a person deploys; the run has another commit. */
const HOTFIX = 'b'.repeat(40);

const COMMIT = 'a'.repeat(40);
const CLUSTERS = ['shop-dev', 'shop-staging', 'shop-prod'];
const SLACK = 'slackapi/slack-github-action';

/** An image with the commit's tag, pushed by another workflow, and a service that runs another one. */
async function pushed(scene: MigrateScene): Promise<void> {
  await scene.repository('shop/web', { tag: COMMIT });
  await scene.service('web', ['web']);
}

async function definitionOf({ sandbox }: MigrateScene, taskDefinition: string) {
  const command = new DescribeTaskDefinitionCommand({ taskDefinition });
  return (await clientOf(sandbox, ECSClient).send(command)).taskDefinition!;
}

async function tagsOf({ sandbox }: MigrateScene, repositoryName: string): Promise<string[]> {
  const command = new DescribeImagesCommand({ repositoryName });
  const { imageDetails = [] } = await clientOf(sandbox, ECRClient).send(command);
  return imageDetails.flatMap(({ imageTags = [] }) => imageTags);
}

/** Workflows that build an image and deploy services with it. */
export const SERVICES: Record<string, Shape> = {
  starter: {
    grade: 'A',
    given: web,
    ...BUILT_AND_DEPLOYED,
    also: async (scene) => {
      const { containerDefinitions = [] } = await definitionOf(scene, 'web:2');
      expect(containerDefinitions[0]?.environment).toEqual([{ name: 'MODE', value: 'production' }]);
    },
  },
  'two-containers': {
    grade: 'A',
    given: async (scene) => {
      await scene.repository('shop/web');
      await scene.repository('shop/proxy');
      await scene.service('web', ['web', 'proxy']);
    },
    verdicts: { deploy: 'pushed, pushed, deployed' },
    runs: { web: { web: 'new', proxy: 'new' } },
  },
  'newest-of-family': {
    grade: 'A',
    given: async (scene) => {
      await web(scene);
      await scene.revision('web', ['web'], { cpu: '512', memory: '1024' });
    },
    ...BUILT_AND_DEPLOYED,
    also: async (scene) => {
      expect(await definitionOf(scene, 'web:3')).toMatchObject({ cpu: '512', memory: '1024' });
    },
  },
  regions: {
    grade: 'A',
    given: async (scene) => {
      await web(scene);
      await scene.repository('shop/web', { region: 'us-east-1' });
      await scene.service('web', ['web'], { region: 'us-east-1' });
    },
    verdicts: { 'deploy (eu-west-1)': 'pushed, deployed', 'deploy (us-east-1)': 'pushed, deployed' },
    runs: { web: { web: 'new' } },
    also: async (scene) => {
      expect(await scene.runs('web', { region: 'us-east-1' })).toEqual([`web=${scene.built}`]);
    },
  },
  monorepo: {
    grade: 'A',
    given: async (scene) => {
      await web(scene);
      await scene.service('api', ['api']);
    },
    standIns: { 'dorny/paths-filter': () => ({ outputs: { changes: '["web"]' } }) },
    verdicts: { changes: 'success', 'deploy (web)': 'pushed, deployed' },
    runs: { web: { web: 'new' }, api: { api: 'old' } },
  },
  workers: {
    grade: 'A',
    given: async (scene) => {
      await scene.repository('shop/app');
      await scene.service('web', ['app']);
      await scene.service('worker', ['app']);
    },
    verdicts: { build: 'pushed', 'deploy (web)': 'deployed', 'deploy (worker)': 'deployed' },
    runs: { web: { app: 'new' }, worker: { app: 'new' } },
  },
  'release-tag': {
    grade: 'A',
    given: web,
    event: { name: 'release', ref: 'refs/tags/v1.4.0', payload: { release: { tag_name: 'v1.4.0' } } },
    ...BUILT_AND_DEPLOYED,
    also: async (scene) => {
      expect(await tagsOf(scene, 'shop/web')).toContain('v1.4.0');
    },
  },
  'dispatch-ref': {
    grade: 'A',
    given: web,
    event: { name: 'workflow_dispatch', inputs: { ref: HOTFIX } },
    ...BUILT_AND_DEPLOYED,
    also: async (scene) => {
      expect(await tagsOf(scene, 'shop/web')).toContain(HOTFIX);
      const release: unknown = JSON.parse(await scene.parameter('/shop/prod/web/release'));
      expect(release).toMatchObject({ commit: HOTFIX });
    },
  },
  reusable: {
    grade: 'A',
    given: web,
    event: {
      name: 'workflow_dispatch',
      inputs: { service: 'web', role: 'arn:aws:iam::111111111111:role/deploy' },
    },
    ...BUILT_AND_DEPLOYED,
  },
  'moved-tag': { grade: 'A', given: web, ...BUILT_AND_DEPLOYED },
  ghcr: {
    grade: 'A',
    given: async (scene) => {
      const registry = await scene.serve('ghcr.io');
      const session = openTokenRepository(registry, 'org/web');
      await session.image('latest', 'the layer before');
      await scene.service('web', [`web=${session.uri}:latest`]);
      await scene.started('web');
      scene.built = await session.image('latest', 'the layer after');
    },
    keeps: ['docker/login-action', 'docker/build-push-action'],
    verdicts: { deploy: 'deployed' },
    runs: { web: { web: 'new' } },
  },
  bake: {
    grade: 'A',
    given: async (scene) => {
      await web(scene);
      scene.answerBake({ target: { web: { context: '.', dockerfile: 'Dockerfile', target: 'web' } } });
    },
    ...BUILT_AND_DEPLOYED,
    also: (scene) => {
      expect(scene.docker.builds[0]).toContain('--target web');
    },
  },
  'pull-request-build': {
    grade: 'A',
    event: { name: 'pull_request' },
    verdicts: { build: 'built' },
    also: (scene) => {
      expect(scene.sandbox.calls.all).toEqual([]);
    },
  },
  'migration-task': {
    grade: 'A',
    given: web,
    verdicts: { deploy: 'pushed, ran, deployed' },
    runs: { web: { web: 'new' } },
    also: (scene) => {
      const [run] = scene.sandbox.calls.of('RunTask');
      expect(run?.input).toMatchObject({
        overrides: { containerOverrides: [{ name: 'web', command: ['bin/migrate', 'up'] }] },
      });
    },
  },
  'register-only': {
    grade: 'A',
    given: async (scene) => {
      await scene.repository('shop/report');
      scene.program('aws');
    },
    verdicts: { deploy: 'pushed, registered' },
    also: async (scene) => {
      const { containerDefinitions = [] } = await definitionOf(scene, 'report:1');
      expect(containerDefinitions[0]?.image).toMatch(new RegExp(`@${scene.built}$`));
      expect(scene.programCalls[0]).toMatch(/^aws events put-targets --rule nightly-report /);
      expect(scene.programCalls.join(' ')).toContain('task-definition/report:1');
    },
  },
  'role-chaining': {
    grade: 'A',
    given: pushed,
    event: { name: 'push', sha: COMMIT },
    secrets: { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
    verdicts: { deploy: 'deployed' },
    runs: { web: { web: 'new' } },
    also: ({ sandbox }) => {
      expect(sandbox.calls.of('AssumeRoleWithWebIdentity')).toEqual([]);
      expect(sandbox.calls.of('AssumeRole')).toHaveLength(1);
    },
  },
  slack: {
    grade: 'A',
    given: pushed,
    event: { name: 'push', sha: COMMIT },
    secrets: { SLACK_WEBHOOK: 'https://hooks.example.com/1' },
    keeps: [SLACK],
    verdicts: { deploy: 'deployed' },
    runs: { web: { web: 'new' } },
    also: (scene) => {
      const { text } = parse(scene.kept[SLACK]?.['payload'] ?? '') as { text: string };
      expect(text).toMatch(/^\S+ \*update-service: deployed\* .*web:2 serves with 1 task/);
    },
  },
  rollback: {
    grade: 'A',
    given: async (scene) => {
      await scene.repository('shop/web');
      const image = `registry.example.com/web@${scene.built}`;
      await scene.revision('web', ['web'], { containerDefinitions: [{ name: 'web', image }] });
      await scene.service('web', ['web']);
    },
    event: { name: 'workflow_dispatch', inputs: { revision: 'web:1' } },
    verdicts: { rollback: 'deployed' },
    runs: { web: { web: 'new' } },
  },
  'docker-hub': {
    grade: 'A',
    given: async (scene) => {
      const registry = await scene.serve('docker.io');
      await scene.repository('mirror/metabase');
      await scene.service('metabase', ['metabase']);
      scene.built = await openTokenRepository(registry, 'metabase/metabase').image('v0.60.1', 'Metabase');
    },
    event: { name: 'workflow_dispatch', inputs: { version: 'v0.60.1' } },
    verdicts: { deploy: 'pushed, deployed' },
    runs: { metabase: { metabase: 'new' } },
  },
  promotion: {
    grade: 'B',
    given: async (scene) => {
      await scene.repository('shop/web');
      for (const cluster of CLUSTERS) await scene.service('web', ['web'], { cluster });
    },
    verdicts: { dev: 'deployed', staging: 'promoted', prod: 'promoted' },
    also: async (scene) => {
      const runs = await Promise.all(CLUSTERS.map((cluster) => scene.runs('web', { cluster })));
      expect(runs).toEqual(CLUSTERS.map(() => [`web=${scene.built}`]));
    },
  },
  terraform: {
    grade: 'B',
    given: async (scene) => {
      await web(scene);
      await scene.revision('web', ['web'], { cpu: '1024', memory: '2048' });
    },
    ...BUILT_AND_DEPLOYED,
    also: async (scene) => {
      expect(await definitionOf(scene, 'web:3')).toMatchObject({ cpu: '1024', memory: '2048' });
    },
  },
  copilot: {
    grade: 'B',
    given: async (scene) => {
      await scene.repository('shop/api');
      await scene.service('shop-prod-api-Service-Zt9mWq3Lr2Ac', ['api'], {
        cluster: 'shop-prod-Cluster-4Fv1xkTr0pQm',
      });
    },
    verdicts: { deploy: 'pushed, deployed' },
    also: async (scene) => {
      const cluster = 'shop-prod-Cluster-4Fv1xkTr0pQm';
      expect(await scene.runs('shop-prod-api-Service-Zt9mWq3Lr2Ac', { cluster })).toEqual([
        `api=${scene.built}`,
      ]);
    },
  },
  ecspresso: {
    grade: 'B',
    given: web,
    verdicts: { deploy: 'pushed, deployed', rollback: 'skipped' },
    runs: { web: { web: 'new' } },
    also: async (scene) => {
      const report = await scene.play({ name: 'workflow_dispatch' });
      expect(report.jobs['rollback']?.steps[0]?.outputs).toMatchObject({ verdict: 'deployed' });
      expect(await scene.runs('web')).toEqual([`web=${scene.old}`]);
    },
  },
};
