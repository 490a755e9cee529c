import { InputError } from '../../src/core/errors.ts';
import { imageProblem } from '../../src/images/registry/image-problem.ts';

const VARIABLE = /^[^\s=]+$/;

/** Throws InputError for what is no image. */
export function requireImage(input: string, image: string): void {
  const problem = imageProblem(image);
  if (problem !== undefined) throw new InputError(input, image, problem);
}

/** Throws InputError for a key that is no variable's name. */
export function requireVariables(input: string, variables: Readonly<Record<string, unknown>>): void {
  const wrong = Object.keys(variables).find((name) => !VARIABLE.test(name));
  if (wrong !== undefined) throw new InputError(input, wrong, 'expected the name of a variable');
}
