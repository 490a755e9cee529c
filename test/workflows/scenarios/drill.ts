import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../workflow.ts';
import { ACCOUNTS } from './shop.ts';

/** What the drill reads of an environment's database and network. */
const DATABASE = `
Parameters: { Project: { Type: String }, Environment: { Type: String } }
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties: { Engine: aurora-postgresql, MasterUsername: dbadmin, ManageMasterUserPassword: true }
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/database/cluster', Type: String, Value: !Ref Cluster }
  Group:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub '/\${Project}/\${Environment}/security/database-group'
      Type: String
      Value: sg-0123456789abcdef0
Outputs:
  Subnets: { Value: 'subnet-1,subnet-2', Export: { Name: !Sub '\${Project}-\${Environment}-data-subnets' } }
`;

/** Adds a database to the shop, and the template of its restore drill. */
export function addDatabase(folder: string): void {
  const manifest = join(folder, 'platform.yml');
  const stack = 'stacks:\n  database: { template: database.yml }\n';
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('stacks:\n', stack));
  writeFileSync(join(folder, 'database.yml'), DATABASE);
  mkdirSync(join(folder, 'templates'));
  const template = 'templates/restore-drill.yml';
  copyFileSync(join(ROOT, template), join(folder, template));
}

/** The caller as edited by the shop, for an environment that needs no approval. */
export const asTheShopHasIt = (text: string): string =>
  text
    .replace('environment: staging', 'environment: dev')
    .replace('project: platform', 'project: shop')
    .replace('service: user-service', 'service: api')
    .replaceAll(`${ACCOUNTS.staging}:role/platform-staging`, `${ACCOUNTS.dev}:role/shop-dev`);
