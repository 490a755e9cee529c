import { InputError } from '../../src/core/errors.ts';

/** An image as ECS takes it: a registry, a path, then a tag or a digest. */
const IMAGE = /^[A-Za-z0-9][\w.:/-]*(?:@sha256:[0-9a-f]{64})?$/;
const VARIABLE = /^[^\s=]+$/;

/** Throws InputError for what is no image. */
export function requireImage(input: string, image: string): void {
  if (IMAGE.test(image)) return;
  throw new InputError(input, image, 'expected an image, such as repository@sha256:… or repository:tag');
}

/** Throws InputError for a key that is no variable's name. */
export function requireVariables(input: string, variables: Readonly<Record<string, unknown>>): void {
  const wrong = Object.keys(variables).find((name) => !VARIABLE.test(name));
  if (wrong !== undefined) throw new InputError(input, wrong, 'expected the name of a variable');
}
