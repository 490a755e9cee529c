/**
 * A task definition as ECS's JSON has it. Only what the suite reads has a type; all else is carried along as it
 * is, so that a field that is newer than the SDK survives.
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
  /** The login that the task pulls the image with, a secret. */
  repositoryCredentials?: { credentialsParameter?: string };
  environment?: { name: string; value: string }[];
  secrets?: { name: string; valueFrom: string }[];
  portMappings?: { containerPort?: number; hostPort?: number; protocol?: string; name?: string }[];
  logConfiguration?: { logDriver?: string; options?: Record<string, string> };
  healthCheck?: { command?: string[]; startPeriod?: number };
  [field: string]: unknown;
}

/** What a new revision is made from. */
export type TaskDefinitionSource =
  /** The revision that the service runs. */
  | { kind: 'service' }
  /** The revision that the service runs, deployed again as it is. */
  | { kind: 'current' }
  /** The newest active revision of a family. */
  | { kind: 'family'; family: string }
  /** A JSON or YAML file. */
  /** `shown`: the path as it was given. */
  | { kind: 'file'; path: string; shown?: string }
  /** An existing revision, deployed as it is: `family:revision` or an ARN. */
  | { kind: 'revision'; revision: string };

/** What is changed in one container. */
export interface ContainerChanges {
  image?: string;
  environment?: Readonly<Record<string, string>>;
  /** The variable, and the ARN or name that its value comes from. */
  secrets?: Readonly<Record<string, string>>;
  command?: readonly string[];
  /** Units. */
  cpu?: number;
  /** MiB, the hard limit. */
  memory?: number;
}

/** What is changed in it. */
export interface TaskDefinitionChanges {
  /** For the service's main container. */
  image?: string;
  /** By container. */
  images: Readonly<Record<string, string>>;
  /** By container. */
  containers?: Readonly<Record<string, ContainerChanges>>;
  /** Variables of the main container. */
  environment: Readonly<Record<string, string>>;
  /** Secrets of the main container: the variable, and the ARN or name that its value comes from. */
  secrets: Readonly<Record<string, string>>;
  /** `replace`: variables that are not given go, of each of the two maps that is given. */
  environmentMode: 'merge' | 'replace';
  cpu?: string;
  memory?: string;
}

/** What DescribeTaskDefinition gives and RegisterTaskDefinition does not take. */
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

/** A described task definition as it can be registered again. Unknown fields stay. */
export function registrable(described: Readonly<Record<string, unknown>>): TaskDefinition {
  const kept = Object.entries(described).filter(([key]) => !READ_ONLY.includes(key));
  return Object.fromEntries(kept) as TaskDefinition;
}

/** `family:revision` of an ARN; a name stays as it is. */
export function revisionName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** The family of an ARN or of `family:revision`. */
export function familyOf(arn: string): string {
  return revisionName(arn).split(':')[0] ?? '';
}

/** The number of a revision, of an ARN or of `family:revision`: the higher, the later it was registered. */
export function revisionNumber(arn: string): number {
  return Number(arn.slice(arn.lastIndexOf(':') + 1));
}
