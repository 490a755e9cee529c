import type { HttpRequest, Reply } from '../http.ts';
import type { AwsError, Call, Input, Service } from '../service.ts';

/** A refusal that each protocol words in its own way: code, message, status. */
export type Refusal = readonly [code: string, message: string, status: number];

export interface Refusals {
  /** No signature. */
  unsigned: Refusal;
  unknownKey: Refusal;
  expiredToken: Refusal;
  unknownOperation: Refusal;
  /** Faults. */
  throttle: Refusal;
  failure: Refusal;
}

/** How one AWS protocol reads a call and writes its answer. */
export interface Protocol {
  decode(request: HttpRequest, service: Service | undefined): { operation: string; input: Input };
  succeed(output: object, call: Call, service: Service): Reply;
  refuse(error: AwsError, call: Call): Reply;
  refusals: Refusals;
}
