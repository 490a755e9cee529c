/** A file or folder that may contain a phrase to avoid. */
export interface Exception {
  /** A file, or a folder that ends with a slash. */
  path: string;
  /** The phrase in that file; undefined for all phrases. */
  text?: string;
  because: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  { path: 'scripts/words/', because: 'The list itself.' },
  { path: 'test/unit/scripts/words.test.ts', because: 'It tests the list.' },
  { path: 'docs/decisions/0067-words.md', because: 'It quotes such phrases.' },
];
