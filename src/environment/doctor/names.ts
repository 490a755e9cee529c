import type { Check } from '../../report/doctor.ts';
import type { DeployStackInputs } from '../../cloudformation/types.ts';
import type { Manifest } from '../manifest.ts';

/** CloudFormation's limit for the name of a stack. */
const STACK_NAME_LIMIT = 128;

/**
 * Names that AWS keeps for itself, or refuses for their length, found before the first call.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
 */
export function checkNames({ project }: Manifest, stacks: readonly DeployStackInputs[]): Check {
  const name = 'reserved names';
  const found = [
    ...(/^(?:aws|ssm)/i.test(project)
      ? [`the project ${project}: Parameter Store keeps names that begin with /aws and /ssm`]
      : []),
    ...stacks.flatMap(({ stackName, tags }) => [
      ...(stackName.length > STACK_NAME_LIMIT
        ? [
            `the stack ${stackName}: its name has ${stackName.length} characters, at most ${STACK_NAME_LIMIT} fit`,
          ]
        : []),
      ...Object.keys(tags)
        .filter((tag) => /^aws:/i.test(tag))
        .map((tag) => `the tag ${tag} of ${stackName}: AWS keeps tags that begin with aws:`),
    ]),
  ];
  if (found.length === 0) return { name, state: 'ok', says: 'no name is one that AWS keeps for itself' };
  return { name, state: 'problem', says: found.join('; '), fix: 'Choose other names in the manifest.' };
}
