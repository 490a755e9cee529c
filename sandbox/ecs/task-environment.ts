import { createHash } from 'node:crypto';
import { parameterStore } from '../ssm.ts';
import type { Container, Given, Task } from './model.ts';
import { realServiceUrl } from './real-routes.ts';

interface Variable {
  name: string;
  value: string;
}

/** Who calls whom by name, as Service Connect lets them. */
const LINKS: Record<string, string> = { USERS_URL: 'user-service', PRODUCTS_URL: 'product-service' };

/** What a container's process finds in its environment: as ECS gives it, secrets resolved. */
export function environmentOf(task: Task, container: Container): Record<string, string> {
  const { definition } = container;
  const override = overrideOf(task, container);
  const secrets = (definition['secrets'] ?? []) as { name: string; valueFrom: string }[];
  return {
    ...linksOf(task),
    ...fromList(definition['environment']),
    ...Object.fromEntries(secrets.map(({ name, valueFrom }) => [name, secretOf(task, valueFrom)])),
    ...fromList(override['environment']),
    ...(container.imageDigest !== undefined && { IMAGE_DIGEST: container.imageDigest }),
  };
}

/** What the container runs; undefined for what its image says. */
export function commandOf(task: Task, container: Container): string[] | undefined {
  const given = (overrideOf(task, container)['command'] ?? container.definition['command']) as
    string[] | undefined;
  return given && given.length > 0 ? given : undefined;
}

function overrideOf(task: Task, container: Container): Given {
  const overrides = (task.overrides['containerOverrides'] ?? []) as Given[];
  return overrides.find(({ name }) => name === container.definition.name) ?? {};
}

function fromList(variables: unknown): Record<string, string> {
  const list = (variables ?? []) as Variable[];
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

function linksOf(task: Task): Record<string, string> {
  return Object.fromEntries(
    Object.entries(LINKS).map(([name, service]) => [name, realServiceUrl(task.ecs, task.cluster, service)]),
  );
}

/** A parameter's value; of secrets, which the sandbox does not keep, one that is the same at each reading. */
function secretOf({ ecs }: Task, valueFrom: string): string {
  const parameter = /:parameter(\/.*)$/.exec(valueFrom)?.[1];
  const found = parameterStore(ecs.world, ecs.account, ecs.region).get(parameter ?? valueFrom);
  if (found) return found.value;
  const password = createHash('sha256').update(valueFrom).digest('hex').slice(0, 32);
  // RDS keeps its administrator's login in a secret whose name begins so.
  return valueFrom.includes(':secret:rds!') ? JSON.stringify({ username: 'dbadmin', password }) : password;
}
