import type { Log } from '../../core/log.ts';
import { duration } from '../../core/text.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { isFailed, isRollback } from '../stack.ts';
import { type ResourceEvent, type ResourceStep, STACK_TYPE } from './events.ts';

const ESTIMATE_EVERY_MS = 20_000;
const SIGNS = { create: '+', update: '~', delete: '-', import: '+' } as const;
const TYPE_WIDTH = 40;
const STATUS_WIDTH = 18;
const SHOWN_RUNNING = 3;

/**
 * Shows an operation in a CI log: one line a finished change, nested stacks indented below their own line, and
 * now and then what is done, what runs, and about how long it takes. Lines are only ever added.
 */
export class Progress {
  readonly #log: Log;
  readonly #estimate: Estimate;
  readonly #running = new Map<string, { step: ResourceStep; since: number }>();
  #spokenAt: number;
  #rollingBack = false;

  constructor(log: Log, estimate: Estimate, nowMs: number) {
    this.#log = log;
    this.#estimate = estimate;
    this.#spokenAt = nowMs;
  }

  /** A resource began or ended a change. */
  step(step: ResourceStep, nowMs: number): void {
    this.#estimate.add(step, nowMs);
    const path = [...step.nesting, step.logicalId].join('/');
    if (step.endedAt !== undefined) this.#running.delete(path);
    else this.#running.set(path, { step, since: nowMs });
    if (step.endedAt === undefined && step.type !== STACK_TYPE) return;
    this.#spokenAt = nowMs;
    this.#log.info(lineOf(step));
  }

  /** The stack's own row: the turn to a rollback and the end are worth a line. */
  own(event: ResourceEvent, nowMs: number): void {
    const turns = isRollback(event.status) && !this.#rollingBack;
    this.#rollingBack ||= turns;
    if (!turns && event.status.endsWith('_IN_PROGRESS')) return;
    this.#spokenAt = nowMs;
    const reason = event.reason ? `  ${plainReason(event.reason)}` : '';
    this.#log.info(
      `${timeOf(event.at)}  ${isFailed(event.status) ? '!' : '='}  ${event.logicalId} is ${event.status}${reason}`,
    );
  }

  /** Says where things stand when nothing has been said for a while. */
  tick(nowMs: number): void {
    if (nowMs - this.#spokenAt < ESTIMATE_EVERY_MS) return;
    this.#spokenAt = nowMs;
    this.#log.info(`          … ${this.describe(nowMs)}`);
  }

  /** Such as `3 of 12 done, running: NatGateway1 46s, about 2 min left`. */
  describe(nowMs: number): string {
    const { total, done } = this.#estimate;
    const parts = [total > 0 ? `${done} of ${total} done` : `${this.#running.size} running`];
    const running = [...this.#running]
      .filter(([, { step }]) => step.type !== STACK_TYPE)
      .sort(([, a], [, b]) => a.since - b.since);
    if (running.length > 0) {
      const named = running
        .slice(0, SHOWN_RUNNING)
        .map(([path, { since }]) => `${path} ${duration(nowMs - since)}`);
      const more = running.length > SHOWN_RUNNING ? ` and ${running.length - SHOWN_RUNNING} more` : '';
      parts.push(`running: ${named.join(', ')}${more}`);
    }
    const seconds = this.#rollingBack ? 0 : this.#estimate.remainingSeconds(nowMs);
    if (this.#rollingBack) parts.push('rolling back');
    else if (seconds > 0) parts.push(`${aboutDuration(seconds)} left`);
    return parts.join(', ');
  }
}

/** `12:03:09  +  1m 46s  CREATE_COMPLETE  AWS::EC2::NatGateway  NatGateway1`; times are UTC. */
function lineOf(step: ResourceStep): string {
  const sign = isFailed(step.status) ? '!' : SIGNS[step.action];
  const took = step.endedAt === undefined ? '' : duration(step.endedAt - step.startedAt);
  const reason = step.reason && isWorthTelling(step) ? `  ${plainReason(step.reason)}` : '';
  const columns = [
    timeOf(step.endedAt ?? step.startedAt),
    sign,
    took.padStart(7),
    step.status.padEnd(STATUS_WIDTH),
    step.type.padEnd(TYPE_WIDTH),
    `${'  '.repeat(step.nesting.length)}${[...step.nesting, step.logicalId].join('/')}`,
  ];
  return `${columns.join('  ')}${reason}`;
}

function isWorthTelling(step: ResourceStep): boolean {
  return isFailed(step.status) || step.status.endsWith('_SKIPPED');
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

function aboutDuration(seconds: number): string {
  return seconds < 60
    ? `about ${Math.max(10, Math.round(seconds / 10) * 10)} s`
    : `about ${Math.round(seconds / 60)} min`;
}

/** A resource that an operation will change. */
export interface ExpectedStep {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  action: ResourceAction;
}

/**
 * How long an operation still takes: the longest path through what is not done yet, by typical durations. A
 * resource counts as done when any step of it has ended.
 */
export class Estimate {
  readonly #expected = new Map<string, ExpectedStep>();
  readonly #waitsFor: (step: ExpectedStep) => readonly string[];
  readonly #done = new Set<string>();
  /** When a running step was first seen, on this machine's clock, in ms. */
  readonly #running = new Map<string, number>();

  /** @param dependencies by logical id, for the resources of the root stack. */
  constructor(expected: readonly ExpectedStep[], dependencies: ReadonlyMap<string, readonly string[]>) {
    for (const step of expected) this.#expected.set(pathOf(step), step);
    const below = new Map<string, string[]>();
    for (const step of expected) append(below, step.nesting.join('/'), pathOf(step));
    const dependents = invert(dependencies);
    this.#waitsFor = (step) => {
      const root = step.nesting[0] ?? step.logicalId;
      const before = (step.action === 'delete' ? dependents : dependencies).get(root) ?? [];
      return step.type === STACK_TYPE ? [...before, ...(below.get(pathOf(step)) ?? [])] : before;
    };
  }

  get total(): number {
    return this.#expected.size;
  }

  get done(): number {
    return this.#done.size;
  }

  /** @param nowMs this machine's clock. */
  add(step: ResourceStep, nowMs: number): void {
    const path = pathOf(step);
    if (!this.#expected.has(path)) return;
    if (step.endedAt === undefined) this.#running.set(path, nowMs);
    else this.#done.add(path);
  }

  /** Seconds left, by typical durations; 0 when nothing is known to be left. */
  remainingSeconds(nowMs: number): number {
    const known = new Map<string, number>();
    const longest = (path: string): number => {
      const found = known.get(path);
      if (found !== undefined) return found;
      known.set(path, 0); // Breaks a cycle, which only a broken template has.
      const step = this.#expected.get(path);
      if (!step || this.#done.has(path)) return 0;
      const before = Math.max(0, ...this.#waitsFor(step).map(longest));
      const seconds = before + this.#secondsLeft(path, step, nowMs);
      known.set(path, seconds);
      return seconds;
    };
    let most = 0;
    for (const path of this.#expected.keys()) most = Math.max(most, longest(path));
    return most;
  }

  /** What runs longer than it typically does is taken to need a fifth of that again. */
  #secondsLeft(path: string, step: ExpectedStep, nowMs: number): number {
    const typical = typicalSeconds(step.type, step.action);
    const since = this.#running.get(path);
    return since === undefined ? typical : Math.max(typical - (nowMs - since) / 1000, typical / 5);
  }
}

function pathOf(step: Pick<ExpectedStep, 'logicalId' | 'nesting'>): string {
  return [...step.nesting, step.logicalId].join('/');
}

function invert(edges: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const inverted = new Map<string, string[]>();
  for (const [from, targets] of edges) {
    for (const target of targets) append(inverted, target, from);
  }
  return inverted;
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** What happens to a resource, as its status names it. */
export type ResourceAction = 'create' | 'update' | 'delete' | 'import';

type Seconds = readonly [create: number, update: number, remove: number];

/**
 * Typical seconds of create, update and delete, for types that take longer than the default. Rounded averages
 * as published by AWS users and by the tables of open-source deployers; they serve an estimate, nothing else.
 */
const SECONDS: Readonly<Record<string, Seconds>> = {
  'AWS::ApiGateway::RestApi': [5, 5, 30],
  'AWS::ApplicationAutoScaling::ScalableTarget': [15, 10, 10],
  'AWS::AutoScaling::AutoScalingGroup': [60, 60, 90],
  'AWS::CertificateManager::Certificate': [120, 10, 10],
  'AWS::CloudFront::Distribution': [240, 180, 300],
  'AWS::CloudWatch::Alarm': [6, 6, 6],
  'AWS::DynamoDB::Table': [35, 35, 35],
  'AWS::EC2::EIP': [18, 10, 12],
  'AWS::EC2::FlowLog': [10, 10, 10],
  'AWS::EC2::Instance': [45, 30, 60],
  'AWS::EC2::InternetGateway': [17, 5, 12],
  'AWS::EC2::NatGateway': [106, 5, 60],
  'AWS::EC2::Route': [12, 12, 12],
  'AWS::EC2::RouteTable': [12, 5, 5],
  'AWS::EC2::SecurityGroup': [8, 5, 5],
  'AWS::EC2::Subnet': [8, 5, 5],
  'AWS::EC2::SubnetRouteTableAssociation': [6, 6, 5],
  'AWS::EC2::TransitGateway': [130, 60, 120],
  'AWS::EC2::VPC': [12, 2, 5],
  'AWS::EC2::VPCEndpoint': [75, 60, 120],
  'AWS::EC2::VPCGatewayAttachment': [15, 15, 15],
  'AWS::EC2::VPNGateway': [60, 10, 60],
  'AWS::ECR::Repository': [5, 5, 5],
  'AWS::ECS::Cluster': [5, 2, 5],
  'AWS::ECS::Service': [119, 71, 90],
  'AWS::ECS::TaskDefinition': [4, 4, 4],
  'AWS::EFS::FileSystem': [15, 10, 15],
  'AWS::EFS::MountTarget': [100, 10, 60],
  'AWS::EKS::Cluster': [600, 300, 300],
  'AWS::EKS::Nodegroup': [150, 200, 240],
  'AWS::ElastiCache::CacheCluster': [300, 120, 240],
  'AWS::ElastiCache::ReplicationGroup': [600, 300, 400],
  'AWS::ElastiCache::ServerlessCache': [150, 60, 120],
  'AWS::ElasticLoadBalancingV2::Listener': [5, 5, 5],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': [116, 2, 30],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [18, 6, 6],
  'AWS::IAM::InstanceProfile': [125, 10, 5],
  'AWS::IAM::ManagedPolicy': [17, 10, 5],
  'AWS::IAM::Policy': [17, 10, 5],
  'AWS::IAM::Role': [20, 15, 8],
  'AWS::KMS::Key': [25, 10, 5],
  'AWS::Lambda::Function': [15, 12, 8],
  'AWS::Lambda::EventSourceMapping': [25, 20, 25],
  'AWS::MSK::Cluster': [1500, 900, 900],
  'AWS::OpenSearchService::Domain': [1000, 900, 600],
  'AWS::RDS::DBCluster': [222, 62, 180],
  'AWS::RDS::DBInstance': [595, 171, 300],
  'AWS::RDS::DBProxy': [300, 60, 120],
  'AWS::RDS::DBSubnetGroup': [8, 8, 8],
  'AWS::Redshift::Cluster': [300, 120, 180],
  'AWS::Route53::HostedZone': [45, 10, 45],
  'AWS::Route53::RecordSet': [40, 40, 40],
  'AWS::S3::Bucket': [22, 20, 10],
  'AWS::SecretsManager::Secret': [8, 5, 5],
  'AWS::ServiceDiscovery::PrivateDnsNamespace': [50, 20, 50],
  'AWS::SNS::Topic': [12, 10, 5],
  'AWS::SQS::Queue': [65, 10, 60],
};

const DEFAULT: Seconds = [8, 6, 6];

/** Typical duration in seconds. */
function typicalSeconds(type: string, action: ResourceAction): number {
  const [create, update, remove] = SECONDS[type] ?? DEFAULT;
  if (action === 'delete') return remove;
  return action === 'create' ? create : update;
}
