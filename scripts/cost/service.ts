import type { ResolvedTemplate } from '../templates/resolve.ts';
import type { JsonMap } from '../templates/template.ts';
import { textOf } from '../templates/template.ts';
import type { Line } from './line.ts';
import { HOURS_PER_MONTH, HOURS_PER_WEEK, prices } from './prices.ts';
import { SPOT_DISCOUNT } from './utilisation.ts';

/** Ten hours on five days, as scheduled in fargate.yml. */
const OFFICE_HOURS_PER_WEEK = 50;

/** The tasks of a service, at its minimum number. */
export function priceService(stack: ResolvedTemplate, id: string): Line[] {
  const task = propertiesOf(stack, 'AWS::ECS::TaskDefinition') ?? {};
  const scaling = propertiesOf(stack, 'AWS::ApplicationAutoScaling::ScalableTarget');
  const service = stack.resources[id]?.Properties ?? {};
  const tasks = Number(scaling?.MinCapacity ?? service.DesiredCount);
  if (!Number.isFinite(tasks)) throw new Error(`${stack.name}: ${id}: the number of its tasks is unknown`);
  const stops = scaling !== undefined && 'ScheduledActions' in scaling;
  const hours = HOURS_PER_MONTH * (stops ? OFFICE_HOURS_PER_WEEK / HOURS_PER_WEEK : 1);
  const onDemand = onDemandTasks(service, tasks);
  const hour = taskHour(task);
  const name = typeof service.ServiceName === 'string' ? service.ServiceName : id;
  return [
    line(`${name}, on demand`, onDemand * hours, hour),
    line(`${name}, Spot`, (tasks - onDemand) * hours, hour * (1 - SPOT_DISCOUNT)),
  ].filter(({ quantity }) => quantity > 0);
}

/** First the base of the strategy, then the rest by weight. Without a strategy, all tasks are on demand. */
function onDemandTasks({ CapacityProviderStrategy }: JsonMap, tasks: number): number {
  if (!Array.isArray(CapacityProviderStrategy)) return tasks;
  const providers = CapacityProviderStrategy as { CapacityProvider: string; Base?: number; Weight: number }[];
  const fargate = providers.find(({ CapacityProvider }) => CapacityProvider === 'FARGATE');
  const base = Math.min(tasks, fargate?.Base ?? 0);
  const weights = providers.reduce((sum, { Weight }) => sum + Weight, 0);
  return base + (tasks - base) * ((fargate?.Weight ?? 0) / weights);
}

function taskHour({ Cpu, Memory, RuntimePlatform }: JsonMap): number {
  const architecture = textOf((RuntimePlatform as JsonMap | undefined)?.CpuArchitecture ?? 'X86_64');
  const { vcpuHour, gbHour } = prices.fargate[architecture as 'X86_64' | 'ARM64'];
  return (Number(Cpu) / 1024) * vcpuHour + (Number(Memory) / 1024) * gbHour;
}

const propertiesOf = (stack: ResolvedTemplate, type: string): JsonMap | undefined =>
  Object.values(stack.resources).find(({ Type }) => Type === type)?.Properties;

const line = (what: string, quantity: number, price: number): Line => ({
  group: 'Services',
  what,
  quantity,
  unit: 'task-hour',
  price,
});
