/** A text that must have a phrase that is avoided elsewhere. */
export interface Exception {
  /** A file, or a folder that ends with a slash. */
  path: string;
  /** The words as they stand there; undefined for all. */
  text?: string;
  because: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  { path: 'scripts/words/', because: 'The list itself.' },
  { path: 'test/unit/scripts/words.test.ts', because: 'It tests the list.' },
  { path: 'docs/decisions/0067-words.md', because: 'It quotes what the list is about.' },
];
