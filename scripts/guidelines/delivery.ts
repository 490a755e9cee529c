import { defect } from './defect.ts';
import type { Section } from './defect.ts';

const deployStack = 'actions/deploy-stack/action.yml';
const build = 'actions/build-push-image/action.yml';

/** Section 4: environments and the deployment script. */
export const delivery: Section[] = [
  {
    title: 'Parameters and deployment',
    defects: [
      defect(
        64,
        'The parameter files are never used.',
        'deploy-stack reads the files, and tests check them against every template.',
        ['templates/environments/dev.json', 'Parameters'],
        [deployStack, 'parameter-files:'],
      ),
      defect(65, 'Three JSON documents with comments in one file.', 'One file for each environment.', [
        'templates/environments/staging.json',
        '',
      ]),
      defect(
        66,
        'Development uses a large instance.',
        'Serverless, which scales to zero.',
        ['templates/environments/dev.json', 'MinCapacity'],
        ['docs/guides/cost.md', '| dev'],
      ),
      defect(
        67,
        'The infrastructure is deployed before the build.',
        'Layers in order: the registry first, a service once its image exists.',
        ['platform.yml', 'stacks:'],
      ),
      defect(
        68,
        '`date` is called twice: a tag is pushed that was never created.',
        'One tag, the commit; images are deployed by digest.',
        [build, 'tags:'],
      ),
      defect(
        69,
        'Every service deploys the network and database again, with race conditions.',
        'Each layer is a separate stack, deployed once; services read its parameters.',
        ['docs/reference/templates.md', 'mermaid'],
      ),
      defect(
        70,
        'It does not wait or roll back, and always prints success.',
        'Verdicts: the requested state is proven, or the step fails.',
        [deployStack, 'verdict:'],
        ['templates/fargate.yml', 'DeploymentCircuitBreaker'],
      ),
      defect(71, 'A shell script that hides failures.', 'A TypeScript action with tests.', [
        'actions/deploy-stack/main.ts',
        '',
      ]),
      defect(
        72,
        '`destroy` does not wait, needs no approval, and leaves the database.',
        'Deletion waits, in reverse order; protection must be turned off first.',
        [deployStack, 'termination-protection:'],
        ['templates/aurora.yml', '  DeletionProtection:'],
      ),
      defect(
        73,
        'Repositories are created during the deployment, mutable and unscanned.',
        'In a template: immutable, scanned, with a lifecycle policy.',
        ['templates/registry.yml', 'IMMUTABLE_WITH_EXCLUSION'],
        ['templates/registry.yml', 'ScanOnPush'],
      ),
      defect(
        74,
        'The frontend cannot be deployed; no migrations.',
        'A service like the others; a migration task before a rollout.',
        ['services/frontend/Dockerfile', ''],
        ['services/user-service/src/migrate.ts', ''],
      ),
      defect(
        75,
        '“Under ten minutes for a full environment.”',
        'Not promised: Aurora alone takes 10 to 15 minutes. The log shows completed and running operations with their durations.',
        ['src/cloudformation/execution/progress.ts', ''],
      ),
    ],
  },
];
