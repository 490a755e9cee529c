import { runTasks } from '../ecs/api/tasks.ts';
import { ecsOf } from '../ecs/model.ts';
import { identityStore, trusts } from '../iam/roles.ts';
import { AwsError, type Input } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { isScheduleExpression } from './expressions.ts';

/** A schedule of EventBridge Scheduler that runs an ECS task. Properties are named as in CloudFormation. */
interface Schedule {
  name: string;
  state: string;
  expression: string;
  target: Target;
}

interface Target {
  Arn?: string;
  RoleArn?: string;
  EcsParameters?: {
    TaskDefinitionArn?: string;
    TaskCount?: number | string;
    LaunchType?: string;
    NetworkConfiguration?: { AwsvpcConfiguration?: { Subnets?: string[]; SecurityGroups?: string[] } };
  };
}

/** The result of starting a task. */
type Started = { task: string } | { failed: string } | { disabled: true };

/** The schedules of an account and region. */
class Schedules {
  readonly #world: World;
  readonly #account: string;
  readonly #region: string;
  readonly #schedules = new Map<string, Schedule>();

  constructor(world: World, account: string, region: string) {
    this.#world = world;
    this.#account = account;
    this.#region = region;
  }

  get(name: string): Schedule | undefined {
    return this.#schedules.get(name);
  }

  /**
   * @throws ValidationException for an expression that Scheduler cannot read, or a role that it cannot assume, as
   *   CreateSchedule and UpdateSchedule do.
   * @see https://github.com/localstack/localstack/issues/9284 for the expression
   * @see https://openillumi.com/en/en-fix-eventbridge-scheduler-assumerole-error for the role
   */
  put(schedule: Schedule): void {
    if (!isScheduleExpression(schedule.expression)) {
      throw new AwsError('ValidationException', `Invalid Schedule Expression ${schedule.expression}.`);
    }
    const role = identityStore(this.#world).role(schedule.target.RoleArn ?? '');
    const request = {
      action: 'sts:AssumeRole',
      principal: { kind: 'Service' as const, names: ['scheduler.amazonaws.com'] },
      context: { 'aws:sourceaccount': this.#account },
    };
    if (!role || !trusts(role.trustPolicy, request)) {
      throw new AwsError(
        'ValidationException',
        'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.',
      );
    }
    this.#schedules.set(schedule.name, schedule);
  }

  delete(name: string): void {
    this.#schedules.delete(name);
  }

  /** Starts the task like a call of RunTask. The result of the task does not affect the schedule. */
  fire(name: string): Started {
    const schedule = this.#schedules.get(name);
    if (!schedule) throw new Error(`schedule ${name} not found`);
    if (schedule.state === 'DISABLED') return { disabled: true };
    const { Arn: cluster, EcsParameters: parameters = {} } = schedule.target;
    const network = parameters.NetworkConfiguration?.AwsvpcConfiguration ?? {};
    const input: Input = {
      cluster,
      taskDefinition: parameters.TaskDefinitionArn,
      count: Number(parameters.TaskCount ?? 1),
      launchType: parameters.LaunchType,
      networkConfiguration: {
        awsvpcConfiguration: { subnets: network.Subnets, securityGroups: network.SecurityGroups },
      },
      startedBy: 'chronos-schedule',
    };
    try {
      const [task] = runTasks(ecsOf(this.#world, this.#account, this.#region), input);
      return { task: task?.arn ?? '' };
    } catch (error) {
      if (error instanceof AwsError) return { failed: error.message };
      throw error;
    }
  }
}

export function schedulesOf(world: World, account: string, region: string): Schedules {
  return world.store(account, region, 'schedules', () => new Schedules(world, account, region));
}
