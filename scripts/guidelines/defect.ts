/** Where a defect is fixed: a file, and a text in it that identifies the line. */
export type Place = readonly [file: string, text: string];

export interface Defect {
  number: number;
  /** A defect of the guidelines, and its fix. */
  defect: string;
  /** The fix, or, without places, why it is not a goal. */
  fix: string;
  places: readonly Place[];
}

/** A section of the guidelines with its defects. */
export interface Section {
  title: string;
  defects: readonly Defect[];
}

export const defect = (number: number, text: string, fix: string, ...places: Place[]): Defect => ({
  number,
  defect: text,
  fix,
  places,
});
