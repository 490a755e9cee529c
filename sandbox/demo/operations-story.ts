import type { Sandbox } from '../index.ts';
import { type Job, type Jobs, READS, roleOf, withJobs } from './jobs.ts';
import { RELEASES } from './platform-story.ts';
import { environments, type Environment, type Stage } from './stage.ts';

const [dev] = environments as [Environment];

/** Operations on an existing dev: checks, a restart, a changed parameter, large templates, drift, status, destroy. */
export async function playOperations(stage: Stage, sandbox: Sandbox): Promise<void> {
  await withJobs(stage, sandbox, RELEASES[0], async (jobs) => {
    // All services of release 2, and order-service of release 3.
    jobs.checkOut(RELEASES[1]);
    jobs.checkOut(RELEASES[2]);
    stage.heading('Operate an environment');
    await jobs.deployEnvironment({
      title: 'Check before a deployment',
      environment: dev,
      inputs: { command: 'doctor' },
      expect: 'ready',
    });
    await restart(jobs);
    jobs.workspace.setParameter(dev.name, 'LogRetentionDays', '60');
    await jobs.planAndApply(dev);
    await largeTemplates(jobs);
    await read(jobs, 'Detect drift', 'in-sync', 'drift');
    await read(jobs, 'Report the status', 'reported', 'status');
    await jobs.deployEnvironment({
      title: 'Destroy the environment',
      environment: dev,
      inputs: { command: 'destroy', 'allow-delete': 'all' },
      expect: 'destroyed',
    });
  });
}

async function read(jobs: Jobs, title: string, expect: string, command: string): Promise<void> {
  await jobs.deployEnvironment({ title, environment: dev, inputs: { command }, expect, job: READS });
}

async function restart(jobs: Jobs): Promise<void> {
  await jobs.play({
    title: 'Restart user-service',
    action: 'update-service',
    environment: dev,
    inputs: {
      command: 'restart',
      cluster: 'dev-platform',
      service: 'user-service',
      'aws-region': 'eu-west-1',
      'role-to-assume': roleOf(dev, 'deploy'),
    },
    expect: 'deployed',
  });
}

/** A plan may upload the code of functions to the artifact bucket; a template over 51,200 bytes is uploaded there too. */
async function largeTemplates(jobs: Jobs): Promise<void> {
  const Value = 'a template of more than 51,200 bytes';
  const Parameter = {
    Type: 'AWS::SSM::Parameter',
    Properties: { Name: '/platform/dev/large', Type: 'String', Value },
  };
  const Function = {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: 'dev-platform-packaged',
      Code: './templates/environments',
      Role: `arn:aws:iam::${dev.account}:role/dev-platform-packaged`,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
    },
  };
  jobs.workspace.writeLargeTemplate('packaged.json', { Parameter, Function });
  jobs.workspace.writeLargeTemplate('large.json', { Parameter });
  await deployStack(jobs, 'Plan a stack with packaged code', 'plan', 'packaged', 'planned', READS);
  await deployStack(jobs, 'Deploy a template over 51,200 bytes', 'deploy', 'large', 'created');
}

async function deployStack(
  jobs: Jobs,
  title: string,
  command: 'plan' | 'deploy',
  name: string,
  expect: string,
  job?: Job,
): Promise<void> {
  await jobs.play({
    title,
    action: 'deploy-stack',
    environment: dev,
    ...(job && { job }),
    inputs: {
      command,
      'stack-name': `dev-platform-${name}`,
      template: `${name}.json`,
      'artifact-bucket': artifactBucket(jobs.stage),
      'aws-region': 'eu-west-1',
      'role-to-assume': roleOf(dev, command),
      'role-arn': roleOf(dev, 'execution'),
    },
    expect,
  });
}

/** The artifact bucket created by the bootstrap stack of dev. */
function artifactBucket({ played }: Stage): string {
  const bootstrap = played.find(
    ({ environment, run }) => environment === dev && run.outputs['ArtifactBucket'],
  );
  return bootstrap?.run.outputs['ArtifactBucket'] ?? '';
}
