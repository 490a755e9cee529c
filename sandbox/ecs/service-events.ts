import type { Service } from './model.ts';

const MOST = 100;

/** Adds to a service's events, of which AWS keeps the last hundred. */
export function addEvent(service: Service, text: string): void {
  const { world } = service.ecs;
  const event = {
    id: world.newUuid(),
    createdAt: world.clock.now(),
    message: `(service ${service.name}) ${text}`,
  };
  service.events.unshift(event);
  service.events.splice(MOST);
}
