import type { ResolvedTemplate } from '../templates/resolve.ts';
import type { JsonMap } from '../templates/template.ts';
import { textOf } from '../templates/template.ts';
import type { Line } from './line.ts';
import { HOURS_PER_MONTH, HOURS_PER_WEEK, prices } from './prices.ts';
import type { Utilisation } from './utilisation.ts';

/** The vCPUs of the instance classes, for prices per vCPU. */
const VCPUS: Record<string, number> = { medium: 2, large: 2, xlarge: 4 };

/** A cluster with its instances, storage, I/O, secret and insights. */
export function priceDatabase(stack: ResolvedTemplate, id: string, load: Utilisation): Line[] {
  const cluster = stack.resources[id]?.Properties ?? {};
  const instances = Object.entries(stack.resources).filter(([, { Type }]) => Type === 'AWS::RDS::DBInstance');
  const storage: Line[] = [
    line(`${id}, storage`, load.databaseGb, 'GB-month', prices.aurora.storageGb),
    line(`${id}, I/O`, load.databaseIoMillions, 'million', prices.aurora.ioMillion),
  ];
  const secret: Line = {
    group: 'Keys and secrets',
    what: `${id}, administrator's secret`,
    quantity: 1,
    unit: 'month',
    price: prices.secret,
  };
  return [
    ...instances.flatMap(([name, { Properties = {} }]) => priceInstance(name, Properties, cluster, load)),
    ...storage,
    ...(cluster.ManageMasterUserPassword === true ? [secret] : []),
  ];
}

function priceInstance(name: string, instance: JsonMap, cluster: JsonMap, load: Utilisation): Line[] {
  const size = textOf(instance.DBInstanceClass);
  const hasInsights = cluster.DatabaseInsightsMode === 'advanced';
  if (size !== 'db.serverless') {
    const hour = prices.aurora.instanceHour[size];
    const vcpus = VCPUS[size.split('.').at(-1) ?? ''];
    if (hour === undefined || vcpus === undefined) throw new Error(`${name}: ${size} has no price`);
    const insights = line(
      `${name}, insights`,
      vcpus * HOURS_PER_MONTH,
      'vCPU-hour',
      prices.aurora.advancedInsightsVcpuHour,
    );
    return [line(`${name}, ${size}`, HOURS_PER_MONTH, 'hour', hour), ...(hasInsights ? [insights] : [])];
  }
  const acuHours = capacityHours(cluster.ServerlessV2ScalingConfiguration as JsonMap, load);
  const insights = line(`${name}, insights`, acuHours, 'ACU-hour', prices.aurora.advancedInsightsAcuHour);
  return [
    line(`${name}, serverless`, acuHours, 'ACU-hour', prices.aurora.acuHour),
    ...(hasInsights ? [insights] : []),
  ];
}

/** An instance that can scale to zero pauses outside of working hours; any other always has at least its minimum. */
function capacityHours({ MinCapacity, MaxCapacity }: JsonMap, load: Utilisation): number {
  const least = Number(MinCapacity);
  const average = Math.min(Math.max(load.acus, least), Number(MaxCapacity));
  const active = HOURS_PER_MONTH * (load.activeHoursPerWeek / HOURS_PER_WEEK);
  return average * active + least * (HOURS_PER_MONTH - active);
}

const line = (what: string, quantity: number, unit: string, price: number): Line => ({
  group: 'Database',
  what,
  quantity,
  unit,
  price,
});
