import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { expect } from '@jest/globals';
import { clientOf } from '../../support/aws-clients.ts';
import type { Shape } from './shapes.ts';

const EXPRESS = 'aws-actions/amazon-ecs-deploy-express-service';

/** Workflows that no action here replaces: they stay as they are, with possible improvements. */
export const REFUSED: Record<string, Shape> = {
  codedeploy: {
    grade: 'C',
    given: async (scene) => {
      await scene.repository('shop/web');
      await scene.service('web', ['web'], { deploymentController: { type: 'CODE_DEPLOY' } });
    },
    verdicts: { deploy: 'pushed, failed' },
    runs: { web: { web: 'old' } },
    also: async (scene, report) => {
      expect(report.jobs['deploy']?.steps.at(-1)?.log).toContain('docs/migrate/codedeploy.md');
      const command = new UpdateServiceCommand({
        cluster: 'shop',
        service: 'web',
        deploymentController: { type: 'ECS' },
        forceNewDeployment: true,
      });
      await clientOf(scene.sandbox, ECSClient).send(command);
      const again = await scene.play({ name: 'push' });
      expect(again.result).toBe('success');
      expect(await scene.runs('web')).toEqual([`web=${scene.built}`]);
    },
  },
  'express-gateway': {
    grade: 'C',
    given: (scene) => scene.repository('shop/web'),
    keeps: [EXPRESS],
    verdicts: { deploy: 'pushed' },
    also: (scene) => {
      expect(scene.kept[EXPRESS]?.['image']).toMatch(new RegExp(`@${scene.built}$`));
    },
  },
  'lambda-image': {
    grade: 'C',
    given: async (scene) => {
      await scene.repository('shop/report');
      scene.program('aws');
    },
    verdicts: { deploy: 'pushed' },
    also: (scene) => {
      const [build = ''] = scene.docker.builds;
      expect(build).toContain('--platform linux/arm64');
      expect(build).toContain('--provenance=false');
      expect(build).toContain('--sbom=false');
      expect(scene.programCalls[0]).toMatch(
        new RegExp(
          `^aws lambda update-function-code --function-name report --image-uri \\S+@${scene.built}$`,
        ),
      );
    },
  },
  'static-site': {
    grade: 'C',
    given: (scene) => {
      scene.program('aws');
    },
    verdicts: { deploy: 'created' },
    also: (scene) => {
      expect(scene.programCalls.map((call) => call.split(' ').slice(0, 3).join(' '))).toEqual([
        'aws s3 sync',
        'aws s3 cp',
        'aws cloudfront create-invalidation',
      ]);
    },
  },
};
