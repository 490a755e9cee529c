/** Simulated seconds in the life of a Fargate task, as published. Most of a start is the image pull. */
export const SECONDS = {
  /** Creating a network interface and assigning a host. */
  provision: 8,
  pull: 20,
  /** From pulled to running. */
  start: 2,
  /** From running to responding. */
  boot: 3,
  /** From SIGTERM to the exit of a container that handles it. */
  stop: 1,
  deprovision: 3,
  /** Until a task without health checks counts as healthy. */
  unchecked: 40,
  /** The run time of a one-off task without a rule. */
  oneOff: 10,
  /** Until ECS stops a task with an unhealthy target. */
  notice: 10,
  /** Until a task that did not fit on any instance is placed again. */
  place: 15,
  /** Until a failed task is replaced. */
  retry: 5,
  /** From the creation of a service deployment to its start. */
  pending: 1,
  /** The duration of a traffic shift at the load balancer. */
  shift: 2,
} as const;
