import { AwsError } from '../service.ts';
import type { Template } from './template.ts';

const IAM_NAMES: Record<string, string | undefined> = {
  'AWS::IAM::AccessKey': undefined,
  'AWS::IAM::Group': 'GroupName',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::Policy': undefined,
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::User': 'UserName',
  'AWS::IAM::UserToGroupAddition': undefined,
};

/** What a template asks its user to acknowledge, and for which types of resources. */
export function requiredCapabilities(template: Template): { capabilities: string[]; types: string[] } {
  const iam = Object.values(template.resources).filter(({ type }) => type in IAM_NAMES);
  const types = [...new Set(iam.map(({ type }) => type))].sort();
  if (types.length === 0) return { capabilities: [], types };
  const named = iam.some(({ type, properties }) => {
    const property = IAM_NAMES[type];
    return property !== undefined && property in properties;
  });
  return { capabilities: [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'], types };
}

/** Throws InsufficientCapabilitiesException for what was not acknowledged. The named kind includes the plain one. */
export function checkCapabilities(
  template: Template,
  given: readonly string[],
  withTransforms: boolean,
): void {
  const { capabilities } = requiredCapabilities(template);
  if (withTransforms && template.transforms.length > 0) capabilities.push('CAPABILITY_AUTO_EXPAND');
  const missing = capabilities.filter(
    (name) => !given.includes(name) && !(name === 'CAPABILITY_IAM' && given.includes('CAPABILITY_NAMED_IAM')),
  );
  if (missing.length > 0) {
    throw new AwsError(
      'InsufficientCapabilitiesException',
      `Requires capabilities : [${missing.join(', ')}]`,
    );
  }
}
