import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';
import { formatted } from './format.ts';

const FILE = new URL('../src/cloudformation/change-set/stateful.ts', import.meta.url);

/**
 * Types that hold data, or an identity that cannot be had a second time (a hosted zone's name servers, a key), and
 * that the resource schemas do not mark. One that is not a type any more, or is marked now, fails the generation.
 */
const UNMARKED = {
  ACMPCA: ['CertificateAuthority'],
  APS: ['Workspace'],
  AmazonMQ: ['Broker'],
  Backup: ['LogicallyAirGappedBackupVault'],
  Cassandra: ['Keyspace', 'Table'],
  CloudTrail: ['EventDataStore'],
  CodeArtifact: ['Domain', 'Repository'],
  CodeCommit: ['Repository'],
  Cognito: ['IdentityPool'],
  DSQL: ['Cluster'],
  DirectoryService: ['MicrosoftAD', 'SimpleAD'],
  DocDB: ['GlobalCluster'],
  DocDBElastic: ['Cluster'],
  ECR: ['PublicRepository', 'Repository'],
  ElastiCache: ['ServerlessCache'],
  FSx: ['StorageVirtualMachine', 'Volume'],
  HealthLake: ['FHIRDatastore'],
  KMS: ['ReplicaKey'],
  Kendra: ['Index'],
  KinesisVideo: ['Stream'],
  Lightsail: ['Bucket', 'Database', 'Disk'],
  MSK: ['Cluster', 'ServerlessCluster'],
  MemoryDB: ['Cluster'],
  NeptuneGraph: ['Graph'],
  OpenSearchServerless: ['Collection'],
  RDS: ['DBShardGroup', 'GlobalCluster'],
  RedshiftServerless: ['Namespace'],
  Rekognition: ['Collection'],
  Route53: ['HostedZone'],
  S3Express: ['DirectoryBucket'],
  S3Tables: ['Namespace', 'Table', 'TableBucket'],
  S3Vectors: ['Index', 'VectorBucket'],
  Timestream: ['Database', 'InfluxDBCluster', 'InfluxDBInstance', 'Table'],
};

/** The text of src/cloudformation/change-set/stateful.ts, made from the resource schemas that are installed. */
export async function generate(): Promise<string> {
  const resources = (await loadAwsServiceSpec()).all('resource');
  const known = new Map(
    resources.map((resource) => [resource.cloudFormationType, resource.isStateful === true]),
  );
  const unmarked = Object.entries(UNMARKED).flatMap(([service, names]) =>
    names.map((name) => `AWS::${service}::${name}`),
  );
  const wrong = unmarked.filter((type) => known.get(type) !== false);
  if (wrong.length > 0) throw new Error(`Not types any more, or marked as stateful now: ${wrong.join(', ')}`);
  const types = [...unmarked, ...[...known].flatMap(([type, stateful]) => (stateful ? [type] : []))].sort();
  const source = `// Written by scripts/generate-stateful.ts from the resource schemas; do not edit.

/** Resource types whose replacement or deletion loses data, or an identity that cannot be had again. */
export const STATEFUL_TYPES: ReadonlySet<string> = new Set(${JSON.stringify(types)});
`;
  return await formatted(FILE.pathname, source);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, await generate());
