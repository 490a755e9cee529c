/**
 * A task definition in ECS's JSON. Only the fields that are read here have types. All others are kept as they are, so
 * that fields that are newer than the SDK are preserved.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
 */
export interface TaskDefinition {
  family: string;
  containerDefinitions: ContainerDefinition[];
  cpu?: string;
  memory?: string;
  networkMode?: string;
  executionRoleArn?: string;
  taskRoleArn?: string;
  runtimePlatform?: { cpuArchitecture?: string; operatingSystemFamily?: string };
  requiresCompatibilities?: string[];
  tags?: { key?: string; value?: string }[];
  [field: string]: unknown;
}

export interface ContainerDefinition {
  name: string;
  image: string;
  essential?: boolean;
  memory?: number;
  /** The secret with the registry credentials that the task pulls the image with. */
  repositoryCredentials?: { credentialsParameter?: string };
  environment?: { name: string; value: string }[];
  secrets?: { name: string; valueFrom: string }[];
  portMappings?: { containerPort?: number; hostPort?: number; protocol?: string; name?: string }[];
  logConfiguration?: { logDriver?: string; options?: Record<string, string> };
  healthCheck?: { command?: string[]; startPeriod?: number };
  [field: string]: unknown;
}

/** The base of a new revision. */
export type TaskDefinitionSource =
  /** The revision that the service runs. */
  | { kind: 'service' }
  /** The revision that the service runs, deployed again as it is. */
  | { kind: 'current' }
  /** The latest active revision of a family. */
  | { kind: 'family'; family: string }
  /** A JSON or YAML file. `shown` is the path for messages. */
  | { kind: 'file'; path: string; shown?: string }
  /** An existing revision, deployed as it is: `family:revision` or an ARN. */
  | { kind: 'revision'; revision: string };

/** The changes of one container. */
export interface ContainerChanges {
  image?: string;
  environment?: Readonly<Record<string, string>>;
  /** Variable names, with the ARN or name of the secret or parameter. */
  secrets?: Readonly<Record<string, string>>;
  command?: readonly string[];
  /** Units. */
  cpu?: number;
  /** MiB, the hard limit. */
  memory?: number;
}

/** The changes of a task definition. */
export interface TaskDefinitionChanges {
  /** For the service's main container. */
  image?: string;
  /** By container. */
  images: Readonly<Record<string, string>>;
  /** By container. */
  containers?: Readonly<Record<string, ContainerChanges>>;
  /** Variables of the main container. */
  environment: Readonly<Record<string, string>>;
  /** Secrets of the main container: variable names, with the ARN or name of the secret or parameter. */
  secrets: Readonly<Record<string, string>>;
  /** `replace`: variables that are not given are removed, for each of the two maps that is given. */
  environmentMode: 'merge' | 'replace';
  cpu?: string;
  memory?: string;
}

/** Fields that DescribeTaskDefinition returns and RegisterTaskDefinition does not accept. */
const READ_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
];

/** A described task definition in the form in which it can be registered again. Unknown fields are kept. */
export function registrable(described: Readonly<Record<string, unknown>>): TaskDefinition {
  const kept = Object.entries(described).filter(([key]) => !READ_ONLY.includes(key));
  return Object.fromEntries(kept) as TaskDefinition;
}

/** `family:revision` of an ARN; a name is returned unchanged. */
export function revisionName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** The family of an ARN or `family:revision`. */
export function familyOf(arn: string): string {
  return revisionName(arn).split(':')[0] ?? '';
}

/** The revision number of an ARN or `family:revision`. Higher numbers were registered later. */
export function revisionNumber(arn: string): number {
  return Number(arn.slice(arn.lastIndexOf(':') + 1));
}
