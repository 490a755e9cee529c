import type { JsonMap } from '../../../scripts/templates/template.ts';
import { finding, nodes } from './platform.ts';
import type { Rule } from './platform.ts';

/** The dimensions without which these metrics do not exist: their graph is empty, and their alarm never triggers. */
const REQUIRED: Record<string, string[]> = {
  'AWS/ECS': ['ClusterName'],
  'ECS/ContainerInsights': ['ClusterName'],
  'AWS/ApplicationELB': ['LoadBalancer'],
};

/** Alarms and dashboards use the dimensions with which a metric is published. */
export const dimensionsComplete: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources).flatMap(([id, { Properties = {} }]) =>
      [...metricsOf(Properties), ...dashboardMetrics(Properties)].flatMap(
        ({ namespace, metric, dimensions }) =>
          (REQUIRED[namespace] ?? [])
            .filter((required) => !dimensions.includes(required))
            .map((required) => finding('metric-dimensions', stack, `${metric} has no ${required}`, id)),
      ),
    ),
  );

interface Metric {
  namespace: string;
  metric: string;
  dimensions: string[];
}

function metricsOf(properties: JsonMap): Metric[] {
  return [...nodes(properties)].flatMap((node) => {
    const { Namespace, MetricName, Dimensions = [] } = node as JsonMap;
    if (typeof Namespace !== 'string' || typeof MetricName !== 'string') return [];
    const dimensions = (Dimensions as { Name: string }[]).map(({ Name }) => Name);
    return [{ namespace: Namespace, metric: MetricName, dimensions }];
  });
}

/** Rows such as ["AWS/ECS", "CPUUtilization", "ServiceName", "x"], and SEARCH('{AWS/ECS,ClusterName} …'). */
function dashboardMetrics({ DashboardBody }: JsonMap): Metric[] {
  const body = (DashboardBody as JsonMap | undefined)?.['Fn::Sub'] ?? DashboardBody;
  if (typeof body !== 'string') return [];
  const rows = [...body.matchAll(/\["((?:AWS|ECS)\/\w+)", "(\w+)", ([^\]{]*)/g)].map(
    ([, namespace = '', metric = '', rest = '']) => ({
      namespace,
      metric,
      dimensions: [...rest.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? ''),
    }),
  );
  const searches = [...body.matchAll(/SEARCH\('\{([^}]*)\}[^']*MetricName=\\"(\w+)/g)].map(
    ([, schema = '', metric = '']) => {
      const [namespace = '', ...dimensions] = schema.split(',');
      return { namespace, metric, dimensions };
    },
  );
  return [...rows, ...searches];
}
