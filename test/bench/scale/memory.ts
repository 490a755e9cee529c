import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEV } from '../../support/aws-clients.ts';
import { EXECUTION_ROLE } from '../../support/roles.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { atMost, type Row, sized, told } from './row.ts';

const STACKS = 30;
const RESOURCES = 500;
const LIMIT_MB = 600;
const BUCKET = `artifacts-${DEV}`;

/** The memory of a plan that changes all of 500 resources, of 1.8 kB each, in 30 stacks. */
export async function measureMemory(size: number): Promise<Row[]> {
  const names = Array.from({ length: sized(STACKS, size) }, (_, index) => `large-${index + 1}`);
  const folder = mkdtempSync(join(tmpdir(), 'large-'));
  const stacks = names.map((name) => {
    const template = join(folder, `${name}.json`);
    writeFileSync(template, largeTemplate(name, 'old'));
    return { account: DEV, name: `dev-shop-${name}`, template, parameters: { Environment: 'dev' } };
  });
  const environment = await ScaleEnvironment.start({
    stacks: 0,
    services: 0,
    chain: 0,
    scenario: { stacks },
  });
  try {
    environment.sandbox.objects(DEV).createBucket(BUCKET);
    environment.write({
      'platform.yml': manifest(names),
      ...Object.fromEntries(names.map((name) => [`templates/${name}.json`, largeTemplate(name, 'new')])),
    });
    const run = await environment.run({ command: 'plan', timeout: '2h' }, { limitMs: 3_600_000 });
    if (run.outputs['verdict'] !== 'planned') throw new Error(run.log.slice(-4000));
    return [
      atMost(`plan of ${STACKS} × ${RESOURCES} large resources, memory`, run.peakMb, LIMIT_MB, ' MB'),
      told('plan of large stacks: CPU', `${(run.cpuMs / 1000).toFixed(1)} s`),
    ];
  } finally {
    await environment.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function manifest(names: readonly string[]): string {
  const environment = `account: '${DEV}', execution-role: '${EXECUTION_ROLE}', artifact-bucket: ${BUCKET}, parameters: dev.json`;
  const stacks = names.map((name) => `  ${name}: { template: templates/${name}.json }\n`).join('');
  return `project: shop\nregion: eu-west-1\nenvironments:\n  dev: { ${environment} }\nstacks:\n${stacks}services: {}\n`;
}

/** JSON as written by the CDK. Each resource has a property that differs in the other version. */
function largeTemplate(name: string, version: string): string {
  const resources = Array.from({ length: RESOURCES }, (_, index) => {
    const Tags = Array.from({ length: 14 }, (__, tag) => ({
      Key: `key-${tag}`,
      Value: `tag ${tag} of resource ${index} of ${name}, made longer to be large: ${'x'.repeat(40)}`,
    }));
    const TopicName = { 'Fn::Sub': `\${Environment}-${name}-${index}` };
    const Properties = { TopicName, DisplayName: `${version} ${index}`, Tags };
    return [`Topic${index}`, { Type: 'AWS::SNS::Topic', Properties }];
  });
  return JSON.stringify({
    Parameters: { Environment: { Type: 'String' } },
    Resources: Object.fromEntries(resources) as Record<string, unknown>,
  });
}
