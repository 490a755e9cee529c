import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CloudFormationClient, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { DescribeImagesCommand, DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import type { Run } from '../../sandbox/runner.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { addService } from '../../scripts/new-service/command.ts';
import { DEV, useWorkspaces } from '../support/action.ts';
import { deployEnvironment } from '../support/environment.ts';
import { LayoutWriter } from '../support/oci.ts';
import { jobOf } from '../support/roles.ts';
import { clientOf } from '../unit/sandbox/clients.ts';

/**
 * Adds a service and a worker to a deployed copy of the reference platform with `npm run new-service`, removes the
 * service, and adds it again. Images come from prebuilt layouts.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const LIMIT_MS = 600_000;
const workspaceOf = useWorkspaces();
let sandbox: Sandbox;
let workspace: string;
let run = 0;
beforeAll(async () => {
  sandbox = await startSandbox({
    timeScale: 3000,
    accounts: [DEV],
    scenario: { stacks: bootstrapped({ environments: { dev: DEV }, zones: { dev: 'Z0123456789DEVZONE' } }) },
  });
  workspace = workspaceOf({});
  cpSync(join(ROOT, 'templates'), join(workspace, 'templates'), { recursive: true });
  const manifest = parseDocument(readFileSync(join(ROOT, 'platform.yml'), 'utf8'));
  for (const environment of ['staging', 'prod']) manifest.deleteIn(['environments', environment]);
  for (const name of ['product-service', 'order-service', 'user-service'])
    manifest.deleteIn(['services', name]);
  writeFileSync(join(workspace, 'platform.yml'), String(manifest));
  useLayout('frontend');
});
afterAll(() => sandbox.close());

/** Replaces the build of a service with a prebuilt image. */
function useLayout(name: string): void {
  const path = join(workspace, 'images', name);
  mkdirSync(path, { recursive: true });
  const layout = new LayoutWriter(path);
  layout.finish(layout.image([name], 'arm64'));
  changeManifest((manifest) => {
    manifest.setIn(['services', name, 'build'], { 'oci-layout': `images/${name}` });
  });
}

function changeManifest(change: (manifest: ReturnType<typeof parseDocument>) => void): void {
  const file = join(workspace, 'platform.yml');
  const manifest = parseDocument(readFileSync(file, 'utf8'));
  change(manifest);
  writeFileSync(file, String(manifest));
}

async function deploy(inputs: Record<string, string> = {}): Promise<Run> {
  run += 1;
  const env = { ...jobOf(sandbox, 'dev', inputs), GITHUB_SHA: String(run).repeat(40) };
  return await deployEnvironment(sandbox, inputs, { workspace, env, limitMs: LIMIT_MS });
}

async function expectDeployed(): Promise<void> {
  const { outputs } = await deploy();
  expect(`${outputs['verdict']}: ${outputs['reason']}`).toMatch(/^deployed: /);
}

async function repositories(): Promise<string[]> {
  const found = await clientOf(sandbox, ECRClient).send(new DescribeRepositoriesCommand({}));
  return (found.repositories ?? []).map(({ repositoryName = '' }) => repositoryName).sort();
}

async function imagesIn(repositoryName: string): Promise<number> {
  const found = await clientOf(sandbox, ECRClient).send(new DescribeImagesCommand({ repositoryName }));
  return found.imageDetails?.length ?? 0;
}

/** The logical ids of the repositories in the stack. */
async function repositoriesOfStack(): Promise<string[]> {
  const found = await clientOf(sandbox, CloudFormationClient).send(
    new ListStackResourcesCommand({ StackName: 'dev-platform-registry' }),
  );
  return (found.StackResourceSummaries ?? [])
    .filter(({ ResourceStatus }) => ResourceStatus !== 'DELETE_SKIPPED')
    .map(({ LogicalResourceId = '' }) => LogicalResourceId)
    .sort();
}

async function runningOf(service: string): Promise<number | undefined> {
  const found = await clientOf(sandbox, ECSClient).send(
    new DescribeServicesCommand({ cluster: 'dev-platform', services: [service] }),
  );
  return found.services?.[0]?.runningCount;
}

test(
  'one command each adds a service and a worker',
  async () => {
    await expectDeployed();
    addService(['carts'], workspace);
    addService(['mailer', '--worker'], workspace);
    for (const name of ['carts', 'mailer']) useLayout(name);

    const plan = await deploy({ command: 'plan' });
    expect(`${plan.outputs['verdict']}: ${plan.outputs['reason']}`).toMatch(/^planned: /);
    await expectDeployed();
    expect(await repositories()).toEqual(['platform/carts', 'platform/frontend', 'platform/mailer']);
    expect(await repositoriesOfStack()).toEqual([
      'Repositoryplatformcarts',
      'Repositoryplatformfrontend',
      'Repositoryplatformmailer',
    ]);
    expect(await runningOf('carts')).toBe(1);
    expect(await runningOf('mailer')).toBe(1);
  },
  LIMIT_MS,
);

test(
  'a removed service keeps its repository and images, and uses them again when it is added back',
  async () => {
    const before = readFileSync(join(workspace, 'platform.yml'), 'utf8');
    const images = await imagesIn('platform/carts');
    expect(images).toBeGreaterThan(0);
    changeManifest((manifest) => {
      manifest.deleteIn(['services', 'carts']);
    });
    await expectDeployed();
    expect(await repositoriesOfStack()).toEqual(['Repositoryplatformfrontend', 'Repositoryplatformmailer']);
    expect(await imagesIn('platform/carts')).toBe(images);

    rmSync(join(workspace, 'services/carts'), { recursive: true });
    writeFileSync(join(workspace, 'platform.yml'), before);
    await expectDeployed();
    expect(await repositoriesOfStack()).toContain('Repositoryplatformcarts');
    expect(await imagesIn('platform/carts')).toBeGreaterThanOrEqual(images);
  },
  LIMIT_MS,
);
