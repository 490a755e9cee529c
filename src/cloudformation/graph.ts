import { stackInterface, type SharedName, type StackInterface } from './graph-interface.ts';

/** A stack as the graph sees it: its template's text and the values of its parameters. */
export interface GraphStack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
}

/** Why a stack waits for another one. */
export interface Dependency {
  on: string;
  /** `imports platform-dev-data-subnets`, `reads /platform/dev/vpc/id` */
  because: readonly string[];
}

export interface StackGraph {
  /** Every stack, after all those that it depends on. */
  order: readonly string[];
  dependencies: ReadonlyMap<string, readonly Dependency[]>;
  /** Which stack makes an ECR repository. */
  repositories: ReadonlyMap<string, string>;
}

/** Stacks cannot be put in an order. The message names them, and what each takes from the next. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

/**
 * The order of stacks, read off their templates: a stack comes after those that export what it imports, and write
 * the names of Parameter Store that it reads. What none of the stacks gives is taken to be there.
 *
 * @throws GraphError for a cycle, with its reasons, and for a name that two stacks give.
 */
export function stackGraph(stacks: readonly GraphStack[]): StackGraph {
  const interfaces = stacks.map(
    ({ name, template, parameters }) => [name, stackInterface(template, parameters)] as const,
  );
  const writers = writersOf(interfaces);
  const dependencies = new Map(
    interfaces.map(([name, { reads }]) => [name, dependenciesOf(name, reads, writers)]),
  );
  return {
    order: orderOf(dependencies),
    dependencies,
    repositories: new Map(
      interfaces.flatMap(([name, { repositories }]) =>
        repositories.map((repository) => [repository, name] as const),
      ),
    ),
  };
}

/** The same graph with every arrow turned round: what must be gone before a stack can go. */
export function reversed({ dependencies }: StackGraph): Map<string, string[]> {
  const dependants = new Map([...dependencies.keys()].map((name): [string, string[]] => [name, []]));
  for (const [name, found] of dependencies) {
    for (const { on } of found) dependants.get(on)?.push(name);
  }
  return dependants;
}

function writersOf(interfaces: readonly (readonly [string, StackInterface])[]): Map<string, string> {
  const writers = new Map<string, string>();
  for (const [stack, { writes }] of interfaces) {
    for (const shared of writes) {
      const other = writers.get(keyOf(shared));
      if (other !== undefined && other !== stack) {
        throw new GraphError(`The stacks ${other} and ${stack} both ${GIVES[shared.kind]} ${shared.name}.`);
      }
      writers.set(keyOf(shared), stack);
    }
  }
  return writers;
}

const GIVES = { export: 'export', parameter: 'write the parameter' } as const;
const TAKES = { export: 'imports', parameter: 'reads' } as const;
const keyOf = ({ kind, name }: SharedName): string => `${kind} ${name}`;

function dependenciesOf(
  stack: string,
  reads: readonly SharedName[],
  writers: ReadonlyMap<string, string>,
): Dependency[] {
  const reasons = new Map<string, string[]>();
  for (const shared of reads) {
    const on = writers.get(keyOf(shared));
    if (on === undefined || on === stack) continue;
    reasons.set(on, [...(reasons.get(on) ?? []), `${TAKES[shared.kind]} ${shared.name}`]);
  }
  return [...reasons].map(([on, because]) => ({ on, because }));
}

/** Depth first; the stacks keep the order that they were given in wherever nothing speaks against it. */
function orderOf(dependencies: ReadonlyMap<string, readonly Dependency[]>): string[] {
  const order: string[] = [];
  const path: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    if (path.includes(name))
      throw new GraphError(cycleText([...path.slice(path.indexOf(name)), name], dependencies));
    path.push(name);
    for (const { on } of dependencies.get(name) ?? []) visit(on);
    path.pop();
    order.push(name);
  };
  for (const name of dependencies.keys()) visit(name);
  return order;
}

function cycleText(
  cycle: readonly string[],
  dependencies: ReadonlyMap<string, readonly Dependency[]>,
): string {
  const steps = cycle.slice(0, -1).map((name, index) => {
    const next = cycle[index + 1] ?? '';
    const found = dependencies.get(name)?.find(({ on }) => on === next);
    return `${name} ${found?.because[0] ?? ''} of ${next}`;
  });
  return `Stacks wait for each other: ${cycle.join(' → ')}. ${steps.join('; ')}. Move what they share into one of them, or into a third.`;
}
