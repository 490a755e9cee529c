import { listOf, paginate, textOf } from '../../protocols/service.ts';
import type { Ecs, Service, ServiceDeployment, ServiceDeploymentStatus } from '../model.ts';
import {
  clusterNamed,
  conflict,
  type EcsOperation,
  invalidParameter,
  isVisible,
  serviceDeploymentNamed,
  serviceNamed,
} from '../lookup.ts';
import { RolloutStop } from '../rollout/context.ts';
import { summarizeServiceDeployment, describeServiceRevision, describeServiceDeployment } from './views.ts';

const MAX_PER_PAGE = 100;
/** Without `maxResults`. */
const DEFAULT_PER_PAGE = 20;
const MAX_DESCRIBED = 20;

export const SERVICE_DEPLOYMENT_OPERATIONS: Record<string, EcsOperation> = {
  /** @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html */
  ListServiceDeployments(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster ?? clusterOf(input.service));
    const service = serviceNamed(ecs, cluster, input.service);
    const found = service.serviceDeployments.filter(
      (record) => isVisible(ecs, record) && isListed(record, input),
    );
    const request = {
      token: input.nextToken,
      limit: input.maxResults ?? DEFAULT_PER_PAGE,
      most: MAX_PER_PAGE,
    };
    const { items, nextToken } = paginate(found, request);
    return { serviceDeployments: items.map(summarizeServiceDeployment), nextToken };
  },

  DescribeServiceDeployments(ecs, input) {
    const arns = described(input.serviceDeploymentArns, 'serviceDeploymentArns');
    const found = arns.map((arn) => ecs.serviceDeployments.get(arn));
    const seen = found.map((record) => (record && isVisible(ecs, record) ? record : undefined));
    return {
      serviceDeployments: seen.flatMap((record) => (record ? [describeServiceDeployment(record)] : [])),
      failures: missing(arns, seen),
    };
  },

  DescribeServiceRevisions(ecs, input) {
    const arns = described(input.serviceRevisionArns, 'serviceRevisionArns');
    const found = arns.map((arn) => {
      const revision = ecs.revisions.get(arn);
      const service = serviceOfRevision(ecs, arn);
      return revision && service ? describeServiceRevision(service, revision) : undefined;
    });
    return {
      serviceRevisions: found.filter((revision) => revision !== undefined),
      failures: missing(arns, found),
    };
  },

  StopServiceDeployment(ecs, input) {
    const record = serviceDeploymentNamed(ecs, input.serviceDeploymentArn);
    const { stopType = 'ROLLBACK' } = input;
    if (stopType !== 'ROLLBACK' && stopType !== 'ABORT') throw invalidParameter('stopType is not valid.');
    if (!['PENDING', 'IN_PROGRESS'].includes(record.status)) {
      throw conflict('The service deployment cannot be stopped in its current state.');
    }
    record.status = stopType === 'ABORT' ? 'STOP_REQUESTED' : 'ROLLBACK_REQUESTED';
    record.stop.abort(new RolloutStop(stopType === 'ABORT' ? 'stop-requested' : 'rollback-requested'));
    return { serviceDeploymentArn: record.arn };
  },

  ContinueServiceDeployment(ecs, input) {
    const record = serviceDeploymentNamed(ecs, input.serviceDeploymentArn);
    const hook = record.hooks.find(({ hookId }) => hookId === input.hookId);
    if (!hook) throw invalidParameter('The lifecycle hook was not found in the service deployment.');
    // The API reference lists no ConflictException for this call, and AWS does not document the text.
    if (hook.status !== 'AWAITING_ACTION' || record.status !== 'IN_PROGRESS')
      throw invalidParameter('The lifecycle hook is not awaiting an action.');
    const { action = 'CONTINUE' } = input;
    if (action !== 'CONTINUE' && action !== 'ROLLBACK') throw invalidParameter('action is not valid.');
    hook.status = action === 'CONTINUE' ? 'SUCCEEDED' : 'FAILED';
    ecs.changes.notify();
    return { serviceDeploymentArn: record.arn };
  },
};

function clusterOf(service: unknown): string | undefined {
  return /:service\/([^/]+)\//.exec(textOf(service) ?? '')?.[1];
}

const STATUSES: readonly ServiceDeploymentStatus[] = [
  'PENDING',
  'IN_PROGRESS',
  'SUCCESSFUL',
  'STOP_REQUESTED',
  'STOPPED',
  'ROLLBACK_REQUESTED',
  'ROLLBACK_IN_PROGRESS',
  'ROLLBACK_SUCCESSFUL',
  'ROLLBACK_FAILED',
];

function isListed(record: ServiceDeployment, input: Record<string, unknown>): boolean {
  const statuses = listOf(input['status']);
  const unknown = statuses.find((status) => !STATUSES.includes(status as ServiceDeploymentStatus));
  if (unknown !== undefined) throw invalidParameter('status contains an invalid value.');
  const { after, before } = (input['createdAt'] ?? {}) as { after?: number; before?: number };
  const created = record.createdAt.getTime() / 1000;
  return (
    (statuses.length === 0 || statuses.includes(record.status)) &&
    (after === undefined || created > after) &&
    (before === undefined || created < before)
  );
}

function described(given: unknown, name: string): string[] {
  const arns = listOf(given).map(String);
  if (arns.length === 0) throw invalidParameter(`${name} cannot be empty.`);
  if (arns.length > MAX_DESCRIBED) throw invalidParameter(`${name} cannot have more than 20 elements.`);
  return arns;
}

function missing(arns: readonly string[], found: readonly (object | undefined)[]): object[] {
  return arns.flatMap((arn, index) => (found[index] ? [] : [{ arn, reason: 'MISSING' }]));
}

function serviceOfRevision(ecs: Ecs, arn: string): Service | undefined {
  const [, cluster = '', name = ''] = arn.slice(arn.indexOf(':service-revision/') + 1).split('/');
  return ecs.services.get(ecs.arn(`service/${cluster}/${name}`));
}
