import type { OurDeployment } from '../../ecs/deployment.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import type { Release } from '../release/release.ts';
import type { ServiceContext, SmokeTest } from '../release/request.ts';
import type { SmokeTestResult } from '../release/result.ts';
import { runSmokeTest } from './smoke-test.ts';

/**
 * Runs the smoke test against a deployment, for the log and the report.
 *
 * @param headers for the requests of a test by URL.
 */
export async function testDeployment(
  context: ServiceContext,
  release: Release,
  test: SmokeTest,
  { cluster, service, taskDefinition }: Pick<OurDeployment, 'cluster' | 'service' | 'taskDefinition'>,
  headers: Readonly<Record<string, string>> = {},
): Promise<SmokeTestResult> {
  const variables = {
    SMOKE_TEST_CLUSTER: cluster,
    SMOKE_TEST_SERVICE: service,
    SMOKE_TEST_TASK_DEFINITION: revisionName(taskDefinition),
  };
  const result = await runSmokeTest(context, test, { variables, headers });
  release.report.smokeTest = result;
  release.logEvent(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
  return result;
}
