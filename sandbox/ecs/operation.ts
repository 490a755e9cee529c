import type { Call, Input } from '../service.ts';
import type { Ecs } from './ecs.ts';

/** An operation of ECS, over what the caller's account and region hold. */
export type EcsOperation = (ecs: Ecs, input: Input, call: Call) => Promise<object> | object;
