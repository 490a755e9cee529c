import { InputError } from '../../src/core/errors.ts';
import { imageProblem } from '../../src/images/registry/image-problem.ts';

const VARIABLE = /^[^\s=]+$/;

/** @throws InputError if it is not an image reference. */
export function requireImage(input: string, image: string): void {
  const problem = imageProblem(image);
  if (problem !== undefined) throw new InputError(input, image, problem);
}

/** @throws InputError if a key is not a variable name. */
export function requireVariables(input: string, variables: Readonly<Record<string, unknown>>): void {
  const wrong = Object.keys(variables).find((name) => !VARIABLE.test(name));
  if (wrong !== undefined) throw new InputError(input, wrong, 'expected the name of a variable');
}
