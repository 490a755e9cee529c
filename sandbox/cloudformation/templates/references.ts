/** A dynamic reference to a plaintext parameter without a version, in the text of a template. */
const UNVERSIONED = /\{\{resolve:ssm:([A-Za-z0-9_.\-/]+)\}\}/g;

/** The versions of the parameters of dynamic references without a version, by name. */
export type ReferencedVersions = ReadonlyMap<string, number>;

/**
 * The versions that an operation uses. "To verify which version of an ssm dynamic reference will be used in a stack
 * operation, create a change set for the stack operation. Then, review the processed template." A name that a function
 * builds is not in the text, so it is read when the operation runs.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html
 */
export function referencedVersions(
  text: string,
  versionOf: (name: string) => number | undefined,
): ReferencedVersions {
  const names = [...text.matchAll(UNVERSIONED)].map(([, name = '']) => name);
  return new Map(
    names.flatMap((name) => {
      const version = versionOf(name);
      return version === undefined ? [] : [[name, version] as const];
    }),
  );
}

/** The text of a template with the version in each reference. */
export function withVersions(text: string, versions: ReferencedVersions): string {
  return text.replace(UNVERSIONED, (reference, name: string) => {
    const version = versions.get(name);
    return version === undefined ? reference : `{{resolve:ssm:${name}:${version}}}`;
  });
}
