import { code, details, escapeCell, type Section, table } from './markdown.ts';
import { pathOf } from './plan-counts.ts';
import { shown } from './plan-values.ts';

/** How a stack differs from its template, as people read it. Secrets are masked by whoever makes this. */
export interface StackDriftReport {
  stackName: string;
  resources: readonly DriftedResourceReport[];
  /** What cannot be compared. */
  unchecked: readonly string[];
}

export interface DriftedResourceReport {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  status: 'modified' | 'deleted';
  properties: readonly { path: string; expected?: string; actual?: string }[];
}

/** The parts of a drift report: what was deleted first, then what was changed, property by property. */
export function driftSections({ stackName, resources, unchecked }: StackDriftReport): Section[] {
  const sorted = [...resources].sort(
    (a, b) => Number(b.status === 'deleted') - Number(a.status === 'deleted'),
  );
  const count = resources.length === 1 ? '1 resource differs' : `${resources.length} resources differ`;
  const headline =
    resources.length > 0 ? `**${count} from the template**` : '**Everything is as the template says**';
  return [
    { title: `Drift of ${escapeCell(stackName)}`, body: headline, priority: 100 },
    ...(sorted.length > 0 ? [{ body: overview(sorted), priority: 90 }] : []),
    ...sorted.flatMap(differences),
    ...skipped(unchecked),
  ];
}

function overview(resources: readonly DriftedResourceReport[]): string {
  const rows = resources.map((resource) => [
    resource.status === 'deleted' ? '**deleted**' : 'changed',
    code(pathOf(resource)),
    escapeCell(resource.type),
  ]);
  return table(['', 'Resource', 'Type'], rows);
}

function differences(resource: DriftedResourceReport): Section[] {
  if (resource.properties.length === 0) return [];
  const rows = resource.properties.map(({ path, expected, actual }) => [
    code(path.replace(/^Properties\./, '')),
    shown(expected),
    shown(actual),
  ]);
  const body = details(pathOf(resource), table(['Property', 'In the template', 'In the account'], rows));
  return [{ body, priority: 70 }];
}

function skipped(unchecked: readonly string[]): Section[] {
  if (unchecked.length === 0) return [];
  const body = details(`Not compared (${unchecked.length})`, unchecked.map(code).join(', '));
  return [{ body, priority: 10 }];
}
