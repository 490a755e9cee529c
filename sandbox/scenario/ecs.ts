import type { TypeOf } from './shape.ts';
import { flag, listOf, mapOf, object, oneOf, positive, text, whole } from './shape.ts';

const taskRule = object(
  {
    does: oneOf(
      'run',
      'exit',
      'run-out-of-memory',
      'segfault',
      'exec-format-error',
      'cannot-pull',
      'cannot-read-secrets',
      'fail-target-checks',
      'fail-container-checks',
      'find-no-capacity',
      'find-no-address',
      'stay-pending',
      'lose-host',
    ),
  },
  {
    /** Which tasks; by default all. `image` is a part of any of its images. */
    match: object(
      {},
      { cluster: text, service: text, family: text, revision: positive, image: text, oneOff: flag },
    ),
    /** The number of affected tasks. Default: all. */
    times: positive,
    /** The affected container. Default: the first essential one. */
    container: text,
    /** The output of that container at its start, by line. */
    logs: listOf(text),
    /** For `exit`. Default: 1. */
    exitCode: whole,
    /** Simulated seconds from the start to the end, if it ends by itself. */
    after: whole,
    /** Why the load balancer considers it unhealthy. Default: Target.ResponseCodeMismatch. */
    reason: oneOf('Target.ResponseCodeMismatch', 'Target.Timeout', 'Target.FailedHealthChecks'),
    /** AWS's message, instead of the usual one. */
    message: text,
    /**
     * The digest that its container runs, whatever was requested. If empty, AWS reports none, as agents before 1.70 did
     * for registries other than ECR (https://github.com/aws/amazon-ecs-agent/pull/3576).
     */
    digest: text,
    /** Simulated seconds of the pull, and until the container responds. */
    pullSeconds: whole,
    bootSeconds: whole,
  },
);

const rolloutMatch = object({}, { cluster: text, service: text, image: text });

const alarmRule = object(
  {
    /** A part of the name of an alarm that the service's deployments watch. */
    alarm: text,
    /** When it goes to ALARM: a lifecycle stage. A rolling deployment has SCALE_UP and BAKE_TIME. */
    stage: text,
  },
  {
    match: rolloutMatch,
    /** Simulated seconds after the start of the stage, and until it is OK again. Default: never. */
    after: whole,
    seconds: positive,
    reason: text,
  },
);

const intervention = object(
  {
    /** What another caller does to the same service. */
    does: oneOf('deploy', 'roll-back', 'stop', 'delete', 'scale', 'replace', 'continue'),
    /** A lifecycle stage, or COMPLETED: just before ECS reports that the rollout is complete. */
    stage: text,
  },
  {
    match: rolloutMatch,
    after: whole,
    /** What is deployed. Default: what ran before. */
    taskDefinition: text,
    /** For `scale`: the new desired count. */
    desiredCount: whole,
    /** For `replace`: how many tasks Fargate retires. Default: 1. */
    tasks: positive,
  },
);

/** The ECS section of a scenario. */
export const ecsScenario = object(
  {},
  {
    /** If false, there are no service deployments and revisions, as with many AWS-compatible endpoints. */
    serviceDeployments: flag,
    /** Simulated seconds after UpdateService before a service deployment is visible. */
    deploymentLag: whole,
    /** `real`: containers of the reference services are processes on this machine. */
    tasks: oneOf('simulated', 'real'),
    /** The release of a reference service in an image, by a part of its name. Default: `current`. */
    releases: mapOf(text),
    /** The EC2 instances of each cluster, by their memory in MiB. */
    instances: listOf(object({ memory: positive }, {})),
    /** The first rule that matches a task applies. */
    rules: listOf(taskRule),
    /** Alarms that go to ALARM at a stage of a rollout. */
    alarms: listOf(alarmRule),
    /** What another caller does at a stage of a rollout, once each. */
    meanwhile: listOf(intervention),
  },
);

export type TaskRule = TypeOf<typeof taskRule>;
export type RolloutMatch = TypeOf<typeof rolloutMatch>;
export type AlarmRule = TypeOf<typeof alarmRule>;
export type Intervention = TypeOf<typeof intervention>;
