import { type Action, loadBalancingOf } from '../../elb/load-balancing.ts';
import type { Revision } from '../model.ts';
import type { Rollout } from './context.ts';
import { markUpdated } from './context.ts';

/** Gives the rollout's revision this percentage of the production traffic, and the rest to the others. */
export function setProductionWeight(rollout: Rollout, percent: number): void {
  const { revision } = rollout.deployment;
  for (const other of otherRevisions(rollout)) other.productionWeight = 0;
  const [previous] = otherRevisions(rollout);
  if (previous) previous.productionWeight = 100 - percent;
  revision.productionWeight = percent;
  setRuleWeights(rollout, 'productionListenerRule', percent);
  markUpdated(rollout);
}

/** Moves all test traffic to the rollout's revision. */
export function setTestTraffic(rollout: Rollout): void {
  for (const other of otherRevisions(rollout)) other.testWeight = 0;
  rollout.deployment.revision.testWeight = 100;
  setRuleWeights(rollout, 'testListenerRule', 100);
  markUpdated(rollout);
}

function otherRevisions({ record, deployment }: Rollout): Revision[] {
  return record.service.deployments.filter((other) => other !== deployment).map(({ revision }) => revision);
}

/** ECS changes the weights of the listener rules in the service, or of the listeners of a network load balancer. */
function setRuleWeights(
  { record, deployment }: Rollout,
  name: 'productionListenerRule' | 'testListenerRule',
  percent: number,
): void {
  const { world, account, region } = record.service.ecs;
  const elb = loadBalancingOf(world, account, region);
  const { settings, targetGroups } = deployment.revision;
  settings.loadBalancers.forEach(({ advancedConfiguration }, index) => {
    const actions = elb.actionsOf(advancedConfiguration?.[name] ?? '');
    for (const action of actions) spellOutGroups(action, advancedConfiguration?.alternateTargetGroupArn);
    for (const group of actions.flatMap(({ ForwardConfig }) => ForwardConfig?.TargetGroups ?? [])) {
      group.Weight = group.TargetGroupArn === targetGroups[index] ? percent : 100 - percent;
    }
  });
}

/**
 * The first deployment rewrites a rule that forwards to one group by name to two groups with weights.
 *
 * @see https://github.com/go-to-k/cdk-real-drift/issues/1730
 */
function spellOutGroups(action: Action, alternate: string | undefined): void {
  const { TargetGroupArn: arn, ForwardConfig } = action;
  if (arn === undefined || alternate === undefined || ForwardConfig) return;
  delete action.TargetGroupArn;
  action.ForwardConfig = { TargetGroups: [{ TargetGroupArn: arn }, { TargetGroupArn: alternate }] };
}
