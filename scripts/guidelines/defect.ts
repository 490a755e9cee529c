/** Where a defect is fixed: a file, and a text in it that finds the line. */
export type Place = readonly [file: string, text: string];

export interface Defect {
  number: number;
  /** What the guidelines wrote, and what replaced it. */
  defect: string;
  /** What is done in its place; or, without places, why it is not a goal. */
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
