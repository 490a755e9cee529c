import { EFFECTS, effectOf, pathOf, planHeadline, signOf } from '../report/plan-counts.ts';
import type { CloudFormationContext, Plan } from './types.ts';

const SHOWN = 200;
const SHOWN_PROPERTIES = 5;

/** Shows a plan in the log, the worst first: ` -/+  AWS::RDS::DBInstance  Database  (Engine)`. */
export function tellPlan(context: CloudFormationContext, plan: Plan): void {
  context.log.info(`Plan for stack ${plan.stackName}: ${planHeadline(plan)}`);
  const order = new Map(EFFECTS.map((effect, index) => [effect, index]));
  const rank = (change: Plan['changes'][number]): number => order.get(effectOf(change)) ?? 0;
  const sorted = plan.changes.toSorted((a, b) => rank(a) - rank(b));
  for (const change of sorted.slice(0, SHOWN)) {
    const paths = change.properties.map(({ path }) => path.replace(/^Properties\./, ''));
    const more = paths.length > SHOWN_PROPERTIES ? ', …' : '';
    const properties =
      change.action === 'modify' && paths.length > 0
        ? `  (${paths.slice(0, SHOWN_PROPERTIES).join(', ')}${more})`
        : '';
    context.log.info(
      `${signOf(effectOf(change)).padStart(6)}  ${change.type}  ${pathOf(change)}${properties}`,
    );
  }
  if (sorted.length > SHOWN) context.log.info(`        … and ${sorted.length - SHOWN} more`);
  for (const warning of plan.warnings ?? []) context.log.info(`        ${warning}`);
}
