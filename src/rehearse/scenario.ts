import { parse } from 'yaml';
import { checkScenario, type Scenario } from '../../sandbox/scenario/scenario.ts';
import { InputError, reasonOf } from '../core/errors.ts';
import { readInputFile } from '../core/inputs/file.ts';

/**
 * The keys of a scenario that inject failures. The other keys describe existing resources, which come from the base, or read
 * files and start processes.
 */
const KEYS = ['cloudwatch', 'ecs', 'faults', 'hooks', 'quotas', 'rates', 'resources', 'seed'];

/**
 * Reads the failures to inject into a rehearsal; none without a file.
 *
 * @throws InputError for a file that cannot be read, and for a scenario with other keys.
 */
export function readFailures(path: string | undefined, workspace: string): Scenario {
  if (path === undefined) return {};
  const scenario = scenarioIn(readInputFile({ input: 'scenario', path }, workspace), path);
  const [unsupported] = Object.keys(scenario).filter((key) => !KEYS.includes(key));
  if (unsupported !== undefined) throw invalid(path, `${unsupported}: expected one of ${KEYS.join(', ')}`);
  if (scenario.ecs?.tasks === 'real') throw invalid(path, 'ecs.tasks: a rehearsal runs no containers');
  return scenario;
}

function scenarioIn(text: string, path: string): Scenario {
  try {
    return checkScenario(parse(text) ?? {});
  } catch (error) {
    throw invalid(path, reasonOf(error), error);
  }
}

function invalid(path: string, problem: string, cause?: unknown): InputError {
  return new InputError('scenario', '', `${path}: ${problem}`, { cause });
}
