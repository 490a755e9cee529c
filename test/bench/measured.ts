/** What a part of the bench has found: lines to print, and the limits that were broken. */
export interface Measured {
  lines: readonly string[];
  broken: readonly string[];
}
