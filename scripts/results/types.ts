import type { Hold } from '../../src/delivery/hold.ts';
import type { EnvironmentRecord, Release } from '../../src/delivery/ledger.ts';
import type { LockRecord } from '../../src/delivery/lock.ts';
import type { StopRequest } from '../../src/delivery/stop-request.ts';
import type { presentEnvironment } from '../../src/present/environment.ts';
import type { presentImage } from '../../src/present/image.ts';
import type { presentPreview } from '../../src/present/preview.ts';
import type { presentPromotion } from '../../src/present/promotion.ts';
import type { presentRehearsal } from '../../src/present/rehearsal.ts';
import type { presentService } from '../../src/present/service.ts';
import type { presentStack } from '../../src/present/stack.ts';
import type { presentSupersede } from '../../src/present/supersede.ts';

/** The specific fields of each action's `result`. Its schema is generated from this type. */
export interface ResultFields {
  'build-push-image': ReturnType<typeof presentImage>['result'];
  'deploy-environment': ReturnType<typeof presentEnvironment>['result'];
  'deploy-stack': ReturnType<typeof presentStack>['result'];
  'preview-environment': ReturnType<typeof presentPreview>['result'];
  'promote-environment': ReturnType<typeof presentPromotion>['result'];
  rehearse: ReturnType<typeof presentRehearsal>['result'];
  'supersede-runs': ReturnType<typeof presentSupersede>['result'];
  'update-service': ReturnType<typeof presentService>['result'];
}

/** A record with only these required fields. Earlier versions did not write all others, which are then read as empty. */
type Only<T, Required extends keyof T> = Pick<T, Required> & Partial<Omit<T, Required>>;

/** The contents of the ledger's parameters. Each property is the name of a schema. */
export interface LedgerRecords {
  /** The release of a service, in `/<project>/<environment>/<service>/release`. */
  release: Only<Release, 'image'>;
  /** The last run that changed an environment, in `/<project>/<environment>/release`. */
  environment: Partial<EnvironmentRecord>;
  /** The hold of an environment, in `/<project>/<environment>/hold`. */
  hold: Only<Hold, 'reason'>;
  /** The lock of an environment or of a service, in `/<project>/<environment>/lock` or `…/<service>/lock`. */
  lock: LockRecord;
  /** The request to the holder of a lock to stop, in the parameter `…/lock-stop` beside the lock. */
  'lock-stop': StopRequest;
}
