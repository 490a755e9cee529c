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
        'Files that deploy-stack reads, and that tests check against every template.',
        ['templates/environments/dev.json', 'Parameters'],
        [deployStack, 'parameter-files:'],
      ),
      defect(65, 'Three JSON documents under comments, in one.', 'A file each.', [
        'templates/environments/staging.json',
        '',
      ]),
      defect(
        66,
        'Development on a large instance.',
        'Serverless, which sleeps at zero.',
        ['templates/environments/dev.json', 'MinCapacity'],
        ['docs/guides/cost.md', '| dev'],
      ),
      defect(
        67,
        'Infrastructure before the build.',
        'Layers in order: the registry first, a service when its image is there.',
        ['platform.yml', 'stacks:'],
      ),
      defect(
        68,
        '`date` is called twice: a tag that was never made is pushed.',
        'One tag, the commit; deployed by digest.',
        [build, 'tags:'],
      ),
      defect(
        69,
        'Every service deploys network and database again: races.',
        'Each layer once, a stack of its own; services read what it shares.',
        ['docs/reference/templates.md', 'mermaid'],
      ),
      defect(
        70,
        'No waiting, no rollback, prints success.',
        'Verdicts: what was asked for is there, or the step fails.',
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
        'Deletion waits, in reverse order; protection must be taken off first.',
        [deployStack, 'termination-protection:'],
        ['templates/aurora.yml', '  DeletionProtection:'],
      ),
      defect(
        73,
        'Repositories are made on the way, mutable, unscanned.',
        'In a template: immutable, scanned, with a life cycle.',
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
        'Not promised: Aurora alone takes 10 to 15 minutes. The log shows what is done and what is running, and for how long.',
        ['src/cloudformation/execution/progress.ts', ''],
      ),
    ],
  },
];
