import { partitionOf, type World } from '../world.ts';
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface Alarm {
  name: string;
  arn: string;
  kind: 'metric' | 'composite';
  state: AlarmState;
  reason: string;
  updatedAt: Date;
  /** The name in CloudFormation and in the API. */
  given: Record<string, unknown>;
}

/** The alarms of an account and region. */
export class Alarms {
  readonly all = new Map<string, Alarm>();
  /** Called for each alarm whose state has changed. */
  readonly listeners = new Set<(alarm: Alarm) => void>();
  readonly #world: World;
  readonly #place: string;

  constructor(world: World, account: string, region: string) {
    this.#world = world;
    this.#place = `arn:${partitionOf(region).id}:cloudwatch:${region}:${account}`;
  }

  /** Creates or updates an alarm. An update keeps the state; the scenario determines the state of a new one. */
  put(name: string, kind: Alarm['kind'], given: Record<string, unknown>): void {
    const declared = this.#world.scenario.cloudwatch?.alarms?.find((rule) => rule.name === name);
    const alarm: Alarm = {
      name,
      arn: `${this.#place}:alarm:${name}`,
      state: declared?.state ?? 'OK',
      reason: declared?.reason ?? 'Threshold Crossed: no datapoints were received and treated as OK.',
      updatedAt: this.#world.clock.now(),
      ...this.all.get(name),
      kind,
      given,
    };
    this.all.set(name, alarm);
  }

  setState(name: string, state: AlarmState, reason: string): void {
    const alarm = this.all.get(name);
    if (!alarm || alarm.state === state) return;
    Object.assign(alarm, { state, reason, updatedAt: this.#world.clock.now() });
    for (const listener of this.listeners) listener(alarm);
  }

  delete(name: string): void {
    this.all.delete(name);
  }
}

export function alarmsOf(world: World, account: string, region: string): Alarms {
  return world.store(account, region, 'cloudwatch', () => {
    const alarms = new Alarms(world, account, region);
    for (const { name } of world.scenario.cloudwatch?.alarms ?? []) alarms.put(name, 'metric', {});
    return alarms;
  });
}
