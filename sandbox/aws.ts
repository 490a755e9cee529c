import { randomUUID } from 'node:crypto';
import { credentialScope, credentialStore } from './credentials.ts';
import type { CredentialScope, CredentialStore, Principal } from './credentials.ts';
import type { Exchange } from './exchange.ts';
import type { HttpRequest } from './http.ts';
import { json } from './protocols/json.ts';
import type { Protocol, Refusal } from './protocols/protocol.ts';
import { query } from './protocols/query.ts';
import { restXml } from './protocols/rest-xml.ts';
import type { FaultRule } from './scenario.ts';
import type { Call, Service } from './service.ts';
import { AwsError } from './service.ts';
import { Services } from './services/index.ts';
import { DEFAULT_REGION } from './world.ts';
import type { World } from './world.ts';

const PROTOCOLS: Record<Service['protocol'], Protocol> = { query, json, 'rest-xml': restXml };
const ANONYMOUS: Principal = { arn: 'anonymous', account: '' };
/** The only call of AWS that nobody signs: it is how a job gets its first credentials. */
const UNSIGNED_ACTION = 'AssumeRoleWithWebIdentity';

/** The AWS half of the sandbox: finds the service, the protocol and the caller of a request. */
export class AwsEndpoint {
  readonly #services: Services;
  readonly #credentials: CredentialStore;

  constructor(world: World) {
    this.#services = new Services(world);
    this.#credentials = credentialStore(world);
  }

  async exchange(request: HttpRequest): Promise<Exchange> {
    const scope = credentialScope(request);
    const unsigned = !scope && query.decode(request, undefined).operation === UNSIGNED_ACTION;
    const name = scope?.service ?? (unsigned ? 'sts' : '');
    const service = await this.#services.find(name);
    const protocol = service ? PROTOCOLS[service.protocol] : protocolOf(request);
    const principal = unsigned ? ANONYMOUS : this.#identify(scope);
    const { unreadable, ...decoded } = decode(protocol, request, service);
    const call = { ...decoded, ...origin(name, scope, principal) };
    return {
      call,
      apply: async () => {
        if (typeof principal === 'string') throw refusal(protocol.refusals[principal]);
        if (unreadable) throw unreadable;
        if (!service) throw new AwsError('UnknownService', `the sandbox has no service "${name}"`, 501);
        const operation = Object.hasOwn(service.operations, call.operation)
          ? service.operations[call.operation]
          : undefined;
        if (!operation) throw unknownOperation(protocol, call);
        return protocol.succeed(await operation(call.input, call), call, service);
      },
      refuse: (error) => protocol.refuse(error, call),
      fault: (rule) => fault(protocol, rule),
    };
  }

  #identify(scope: CredentialScope | undefined): Principal | 'unsigned' | 'unknownKey' | 'expiredToken' {
    return scope ? this.#credentials.identify(scope) : 'unsigned';
  }
}

/** What was asked; a body that cannot be read is refused only once the caller is known. */
function decode(
  protocol: Protocol,
  request: HttpRequest,
  service: Service | undefined,
): Pick<Call, 'operation' | 'input'> & { unreadable?: AwsError } {
  try {
    return protocol.decode(request, service);
  } catch (error) {
    if (error instanceof AwsError) return { operation: request.path, input: {}, unreadable: error };
    throw error;
  }
}

function origin(
  service: string,
  scope: CredentialScope | undefined,
  principal: Principal | string,
): Omit<Call, 'operation' | 'input'> {
  const { arn, account } = typeof principal === 'string' ? ANONYMOUS : principal;
  return {
    service,
    account,
    region: scope?.region ?? DEFAULT_REGION,
    principalArn: arn,
    requestId: randomUUID(),
  };
}

/** How to word a refusal of a service that is not here, or not named. */
function protocolOf(request: HttpRequest): Protocol {
  if (request.headers['x-amz-target'] !== undefined) return json;
  return query.decode(request, undefined).operation === '' ? restXml : query;
}

function refusal([code, message, status]: Refusal): AwsError {
  return new AwsError(code, message, status);
}

function unknownOperation(protocol: Protocol, call: Call): AwsError {
  const [code, message, status] = protocol.refusals.unknownOperation;
  return new AwsError(
    code,
    `${message} (the sandbox has no ${call.service} ${call.operation})`.trim(),
    status,
  );
}

function fault(protocol: Protocol, rule: FaultRule): AwsError {
  const usual = protocol.refusals[rule.kind === 'throttle' ? 'throttle' : 'failure'];
  return new AwsError(rule.code ?? usual[0], rule.message ?? usual[1], rule.status ?? usual[2]);
}
