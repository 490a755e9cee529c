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
    /** Which tasks; without these, all. `image` is a part of any of its images. */
    match: object(
      {},
      { cluster: text, service: text, family: text, revision: positive, image: text, oneOff: flag },
    ),
    /** How many of them it strikes; all by default. */
    times: positive,
    /** The container that it is about: the first essential one by default. */
    container: text,
    /** What that container writes, line by line, when it starts. */
    logs: listOf(text),
    /** Of `exit`; 1 by default. */
    exitCode: whole,
    /** Simulated seconds from its start to its end, of what ends by itself. */
    after: whole,
    /** Why the load balancer finds it unhealthy: Target.ResponseCodeMismatch by default. */
    reason: oneOf('Target.ResponseCodeMismatch', 'Target.Timeout', 'Target.FailedHealthChecks'),
    /** What AWS says, in place of its usual words. */
    message: text,
    /**
     * The digest that its container runs, whatever was asked for. Empty: AWS tells none, as agents before 1.70 did for
     * registries other than ECR (https://github.com/aws/amazon-ecs-agent/pull/3576).
     */
    digest: text,
    /** Simulated seconds that the pull takes, and that the container takes until it answers. */
    pullSeconds: whole,
    bootSeconds: whole,
  },
);

const rolloutMatch = object({}, { cluster: text, service: text, image: text });

const alarmRule = object(
  {
    /** A part of the name of an alarm that the service's deployments watch. */
    alarm: text,
    /** When it goes red: a lifecycle stage. Of a rolling deployment there are SCALE_UP and BAKE_TIME. */
    stage: text,
  },
  {
    match: rolloutMatch,
    /** Simulated seconds from the stage's start, and until it is green again; for ever by default. */
    after: whole,
    seconds: positive,
    reason: text,
  },
);

const intervention = object(
  {
    /** What another caller does with the same service. */
    does: oneOf('deploy', 'roll-back', 'stop', 'delete', 'scale', 'replace', 'continue'),
    /** A lifecycle stage, or COMPLETED: the moment before ECS reports that the rollout is complete. */
    stage: text,
  },
  {
    match: rolloutMatch,
    after: whole,
    /** What is deployed; by default what ran before. */
    taskDefinition: text,
    /** Of `scale`: how many tasks the service is to run from then on. */
    desiredCount: whole,
    /** Of `replace`: how many tasks Fargate retires; one by default. */
    tasks: positive,
  },
);

/** What a scenario may say of ECS. */
export const ecsScenario = object(
  {},
  {
    /** False: no service deployments and revisions, as with many AWS-compatible endpoints. */
    serviceDeployments: flag,
    /** Simulated seconds after UpdateService before a service deployment can be seen. */
    deploymentLag: whole,
    /** `real`: containers of the reference services are processes on this machine. */
    tasks: oneOf('simulated', 'real'),
    /** Which release of a reference service an image holds, by a part of its name; `current` by default. */
    releases: mapOf(text),
    /** The EC2 instances of each cluster, by their memory in MiB. */
    instances: listOf(object({ memory: positive }, {})),
    /** The first rule that matches a task says what becomes of it. */
    rules: listOf(taskRule),
    /** Alarms that go red while a rollout is at a stage. */
    alarms: listOf(alarmRule),
    /** What another caller does while a rollout is at a stage; each once. */
    meanwhile: listOf(intervention),
  },
);

export type TaskRule = TypeOf<typeof taskRule>;
export type RolloutMatch = TypeOf<typeof rolloutMatch>;
export type AlarmRule = TypeOf<typeof alarmRule>;
export type Intervention = TypeOf<typeof intervention>;
