/** Simulated seconds of a Fargate task's life, as published: the pull is most of a start. */
export const SECONDS = {
  /** A network interface, and a machine to run on. */
  provision: 8,
  pull: 20,
  /** From pulled to running. */
  start: 2,
  /** From running to answering. */
  boot: 3,
  /** From SIGTERM to the end of a container that obeys. */
  stop: 1,
  deprovision: 3,
  /** A task without checks counts as healthy after this long. */
  unchecked: 40,
  /** A one-off task's work, when no rule says otherwise. */
  oneOff: 10,
  /** Until ECS acts on a target that its load balancer finds unhealthy. */
  notice: 10,
  /** Before a task that no instance could take is placed again. */
  place: 15,
  /** Before a failed task is replaced. */
  retry: 5,
  /** From a service deployment's creation to its start. */
  pending: 1,
  /** A shift of traffic at the load balancer. */
  shift: 2,
} as const;
