/** The result of a part of the bench: lines to print, and exceeded limits. */
export interface Measured {
  lines: readonly string[];
  broken: readonly string[];
}
