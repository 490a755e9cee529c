import { Changes } from '../changes.ts';
import { partitionOf } from '../partition.ts';
import type { World } from '../world.ts';
import type { Cluster, Revision, Service, ServiceDeployment, Task, TaskDefinition } from './model.ts';

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** ECS of one account and region: all that it holds, and the names that it gives. */
export class Ecs {
  readonly world: World;
  readonly account: string;
  readonly region: string;
  readonly clusters = new Map<string, Cluster>();
  /** The revisions of each family, oldest first. */
  readonly families = new Map<string, TaskDefinition[]>();
  /** These four by ARN. */
  readonly services = new Map<string, Service>();
  readonly serviceDeployments = new Map<string, ServiceDeployment>();
  readonly revisions = new Map<string, Revision>();
  readonly tasks = new Map<string, Task>();
  /** Of tasks, of services, and of the alarms that rollouts watch. */
  readonly changes = new Changes();

  constructor(world: World, account: string, region: string) {
    this.world = world;
    this.account = account;
    this.region = region;
  }

  arn(resource: string): string {
    return `arn:${partitionOf(this.region).id}:ecs:${this.region}:${this.account}:${resource}`;
  }

  /** 32 hex digits, as of a task. */
  newTaskId(): string {
    return this.world.random.text(32);
  }

  /** 19 digits, as of a deployment `ecs-svc/…` and of a service revision. */
  newNumber(): string {
    return `${this.world.random.text(1, '123456789')}${this.world.random.text(18, '0123456789')}`;
  }

  /** 21 letters and digits, as of a service deployment. */
  newDeploymentId(): string {
    return this.world.random.text(21, ID_ALPHABET);
  }

  tasksOf(service: Service): Task[] {
    return [...this.tasks.values()].filter((task) => task.service === service);
  }
}

export function ecsOf(world: World, account: string, region: string): Ecs {
  return world.store(account, region, 'ecs', () => new Ecs(world, account, region));
}
