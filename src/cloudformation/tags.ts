import { InputError } from '../runtime/errors.ts';

/**
 * The stack's tags: those of the files, and over them those of the `tags` input.
 * @throws InputError for what CloudFormation refuses: more than 50 tags, a key over 128 or a value over 256
 * characters, a key that starts with `aws:`.
 */
export function resolveTags(
  files: Record<string, string>,
  input: Record<string, string>,
): Record<string, string> {
  const tags = { ...files, ...input };
  const keys = Object.keys(tags);
  if (keys.length > 50) throw new InputError('tags', '', `at most 50 tags; there are ${keys.length}`);
  for (const [key, value] of Object.entries(tags)) {
    if (key === '' || key.length > 128 || key.toLowerCase().startsWith('aws:')) {
      throw new InputError('tags', key, 'keys of 1 to 128 characters that do not start with "aws:"');
    }
    if (value.length > 256) throw new InputError('tags', key, 'values of at most 256 characters');
  }
  return tags;
}
