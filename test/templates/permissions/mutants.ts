/** A policy without one part of it. */
export interface Mutant {
  /** `Keys`, or `Keys: StringEquals kms:ViaService` for a condition. */
  part: string;
  document: Record<string, unknown>;
}

type Statement = Record<string, unknown> & { Sid?: string; Effect: string };
type Conditions = Record<string, Record<string, unknown>>;

function statementsOf({ Statement: statements }: Record<string, unknown>): Statement[] {
  return [statements].flat() as Statement[];
}

const nameOf = ({ Sid }: Statement, index: number): string => Sid ?? `#${index + 1}`;

function replaced(
  document: Record<string, unknown>,
  index: number,
  ...statements: Statement[]
): Record<string, unknown> {
  return { ...document, Statement: statementsOf(document).toSpliced(index, 1, ...statements) };
}

/** Without each of the statements that allow. */
export function withoutGrants(document: Record<string, unknown>): Mutant[] {
  return statementsOf(document).flatMap((statement, index) =>
    statement.Effect === 'Allow'
      ? [{ part: nameOf(statement, index), document: replaced(document, index) }]
      : [],
  );
}

/** Without each of the statements that deny, and without each condition of those that allow. */
export function withoutRestrictions(document: Record<string, unknown>): Mutant[] {
  return statementsOf(document).flatMap((statement, index) => {
    const name = nameOf(statement, index);
    if (statement.Effect === 'Deny') return [{ part: name, document: replaced(document, index) }];
    return conditionsOf(statement).map(([operator, key]) => ({
      part: `${name}: ${operator} ${key}`,
      document: replaced(document, index, withoutCondition(statement, operator, key)),
    }));
  });
}

/** Without each value of a condition that has several, all of which are accepted. */
export function withoutValues(document: Record<string, unknown>): Mutant[] {
  return statementsOf(document).flatMap((statement, index) =>
    conditionsOf(statement).flatMap(([operator, key]) => {
      const values = [(statement['Condition'] as Conditions)[operator]?.[key]].flat();
      if (values.length === 1) return [];
      return values.map((value, at) => ({
        part: `${nameOf(statement, index)}: ${operator} ${key} ${String(value)}`,
        document: replaced(document, index, {
          ...statement,
          Condition: {
            ...(statement['Condition'] as Conditions),
            [operator]: {
              ...(statement['Condition'] as Conditions)[operator],
              [key]: values.toSpliced(at, 1),
            },
          },
        }),
      }));
    }),
  );
}

function conditionsOf({ Condition = {} }: Statement): [operator: string, key: string][] {
  return Object.entries(Condition as Conditions).flatMap(([operator, keys]) =>
    Object.keys(keys).map((key): [string, string] => [operator, key]),
  );
}

function withoutCondition(statement: Statement, operator: string, key: string): Statement {
  const conditions = statement['Condition'] as Conditions;
  const { [key]: _left, ...keys } = conditions[operator] ?? {};
  return { ...statement, Condition: { ...conditions, [operator]: keys } };
}
