import type { presentEnvironment } from '../../src/present/environment.ts';
import type { presentImage } from '../../src/present/image.ts';
import type { presentPreview } from '../../src/present/preview.ts';
import type { presentPromotion } from '../../src/present/promotion.ts';
import type { presentService } from '../../src/present/service.ts';
import type { presentStack } from '../../src/present/stack.ts';
import type { presentSupersede } from '../../src/present/supersede.ts';

/** The fields of each action's `result` beside those that all results have. Its schema is made from this type. */
export interface ResultFields {
  'build-push-image': ReturnType<typeof presentImage>['result'];
  'deploy-environment': ReturnType<typeof presentEnvironment>['result'];
  'deploy-stack': ReturnType<typeof presentStack>['result'];
  'preview-environment': ReturnType<typeof presentPreview>['result'];
  'promote-environment': ReturnType<typeof presentPromotion>['result'];
  'supersede-runs': ReturnType<typeof presentSupersede>['result'];
  'update-service': ReturnType<typeof presentService>['result'];
}
