/** One combination of a matrix. */
export type Combination = Record<string, unknown>;

/**
 * The combinations of a matrix, with `include` and `exclude`; one empty combination for a job without a matrix.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix
 */
export function combinations(matrix: Record<string, unknown> | undefined): Combination[] {
  if (!matrix) return [{}];
  const { include = [], exclude = [], ...axes } = matrix;
  const names = Object.keys(axes);
  const product = Object.entries(axes).reduce<Combination[]>(
    (made, [name, values]) =>
      made.flatMap((each) => (values as unknown[]).map((value) => ({ ...each, [name]: value }))),
    names.length > 0 ? [{}] : [],
  );
  const excluded = exclude as Combination[];
  const kept = product.filter((each) => !excluded.some((rule) => agrees(each, rule, Object.keys(rule))));
  return (include as Combination[]).reduce((made, extra) => included(made, extra, names), kept);
}

/** An `include` extends every combination whose own values it does not contradict, or becomes a new one. */
function included(made: Combination[], extra: Combination, axes: string[]): Combination[] {
  const shared = axes.filter((name) => name in extra);
  const fits = made.map((each) => axes.some((name) => name in each) && agrees(each, extra, shared));
  if (!fits.includes(true)) return [...made, extra];
  return made.map((each, index) => (fits[index] ? { ...each, ...extra } : each));
}

function agrees(one: Combination, other: Combination, names: string[]): boolean {
  return names.every((name) => one[name] === other[name]);
}
