import { EXECUTION_ROLE } from '../../support/roles.ts';

const DEV_ACCOUNT = `account: '111111111111', execution-role: '${EXECUTION_ROLE}'`;

/** A valid template. */
export const NET = `Parameters:
  Size: { Type: String, Default: small, AllowedValues: [small, large] }
Resources:
  Topic: { Type: AWS::SNS::Topic }
`;

/** A platform with two environments, a stack and a service that another tool created. */
export const PLATFORM = `project: shop
region: eu-west-1
environments:
  dev: { ${DEV_ACCOUNT} }
  staging: { account: '222222222222', promote-from: dev }
stacks:
  net: { template: net.yml }
services:
  api:
    environments:
      dev: { cluster: dev-platform, service: user-service }
    repository: shop/api
`;

/** The files of a platform, with a text of platform.yml replaced. */
export function platformWith(from = '', to = '', files: Record<string, string> = {}): Record<string, string> {
  if (!PLATFORM.includes(from)) throw new Error(`platform.yml has no ${from}`);
  return { 'platform.yml': PLATFORM.replace(from, () => to), 'net.yml': NET, ...files };
}
