import { randomUUID } from 'node:crypto';
import {
  credentialScope,
  type CredentialScope,
  credentialStore,
  type CredentialStore,
} from '../iam/credentials.ts';
import type { Principal } from '../iam/principal.ts';
import { authorizeCall } from '../iam/authorization.ts';
import { ec2 } from '../protocols/ec2.ts';
import { json } from '../protocols/json.ts';
import { query } from '../protocols/query.ts';
import { restXml } from '../protocols/rest-xml.ts';
import { route53 } from '../protocols/route53.ts';
import { AwsError, type Call, type Protocol, type Refusal, type Service } from '../protocols/service.ts';
import type { FaultRule } from '../scenario/scenario.ts';
import { DEFAULT_REGION, type World } from '../world.ts';
import type { Exchange } from './exchange.ts';
import type { HttpRequest } from './http.ts';

const PROTOCOLS: Record<Service['protocol'], Protocol> = { query, json, 'rest-xml': restXml, ec2, route53 };
const ANONYMOUS: Principal = { arn: 'anonymous', account: '' };
/** The only unsigned call to AWS, with which a job gets its first credentials. */
const UNSIGNED_ACTION = 'AssumeRoleWithWebIdentity';

/** AWS in the sandbox: finds the service, the protocol and the caller of a request. */
export class AwsEndpoint {
  readonly #world: World;
  readonly #services: Services;
  readonly #credentials: CredentialStore;

  constructor(world: World) {
    this.#world = world;
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
        await authorizeCall(this.#world, call, principal, protocol.refusals.denied);
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

/** The decoded input. An unreadable body is refused only after the caller is known. */
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
    ...(typeof principal !== 'string' && { principal }),
    requestId: randomUUID(),
  };
}

/** How to report an error for a service that is unknown or missing in the request. */
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

type Loader = (world: World) => Promise<Service>;

/** Each service by its signing name, loaded on its first call, so that the sandbox starts quickly. */
const LOADERS: Record<string, Loader> = {
  acm: async (world) => (await import('../acm/service.ts')).certificateManager(world),
  cloudformation: async (world) => (await import('../cloudformation/api/service.ts')).cloudFormation(world),
  ec2: async (world) => (await import('../ec2/service.ts')).network(world),
  route53: async (world) => (await import('../dns/service.ts')).domainNames(world),
  iam: async (world) => (await import('../iam/service.ts')).iam(world),
  secretsmanager: async (world) => (await import('../secrets/service.ts')).secretsManager(world),
  sts: async (world) => (await import('../iam/sts.ts')).sts(world),
  ssm: async (world) => (await import('../ssm/service.ts')).ssm(world),
  ecr: async (world) => (await import('../ecr/service.ts')).ecr(world),
  ecs: async (world) => (await import('../ecs/api/service.ts')).ecs(world),
  elasticloadbalancing: async (world) => (await import('../elb/service.ts')).loadBalancing(world),
  logs: async (world) => (await import('../logs/service.ts')).logs(world),
  monitoring: async (world) => (await import('../cloudwatch/service.ts')).cloudWatch(world),
  servicequotas: async (world) => (await import('../quotas/service.ts')).quotas(world),
  s3: async (world) => (await import('../s3/service.ts')).s3(world),
};

/** The services of a world. */
class Services {
  readonly #world: World;
  readonly #loaded = new Map<string, Promise<Service>>();

  constructor(world: World) {
    this.#world = world;
  }

  async find(name: string): Promise<Service | undefined> {
    const loader = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
    if (!loader) return undefined;
    const service = this.#loaded.get(name) ?? loader(this.#world);
    this.#loaded.set(name, service);
    return service;
  }
}
