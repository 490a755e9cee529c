import { InputError } from '../runtime/errors.ts';

/** The two parameters of a service in an environment. Templates read `image`, so it is the truth of the two. */
export interface LedgerNames {
  image: string;
  release: string;
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html */
const IMAGE_PARAMETER = /^(\/(?:[A-Za-z0-9_.-]+\/)+)image$/;

/** The names of a service's parameters: `/<project>/<environment>/<service>/image` and `…/release`. */
export function ledgerNames(of: { project: string; environment: string; service: string }): LedgerNames {
  const folder = `/${of.project}/${of.environment}/${of.service}`;
  return { image: `${folder}/image`, release: `${folder}/release` };
}

/** The names for a given name of the image's parameter. Throws InputError when it does not end with `/image`. */
export function ledgerNamesOf(parameter: string): LedgerNames {
  const folder = IMAGE_PARAMETER.exec(parameter)?.[1];
  if (folder === undefined) {
    const allowed = 'expected the name of an image parameter, such as /platform/dev/user-service/image';
    throw new InputError('parameter', parameter, allowed);
  }
  return { image: parameter, release: `${folder}release` };
}
