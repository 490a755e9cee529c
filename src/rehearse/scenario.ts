import { parse } from 'yaml';
import { checkScenario, type Scenario } from '../../sandbox/scenario/scenario.ts';
import { InputError, reasonOf } from '../core/errors.ts';
import { readInputFile } from '../core/inputs/file.ts';

/**
 * The parts of a scenario that make something fail. The other parts describe what exists, which is the base's, or read
 * files and start processes of the machine.
 */
const KEYS = ['cloudwatch', 'ecs', 'faults', 'hooks', 'quotas', 'rates', 'resources', 'seed'];

/**
 * Reads what is to fail in a rehearsal. Without a file, nothing.
 *
 * @throws InputError for a file that cannot be read, and for a scenario that says anything else.
 */
export function readFailures(path: string | undefined, workspace: string): Scenario {
  if (path === undefined) return {};
  const scenario = scenarioIn(readInputFile({ input: 'scenario', path }, workspace), path);
  const [refused] = Object.keys(scenario).filter((key) => !KEYS.includes(key));
  if (refused !== undefined) throw invalid(path, `${refused}: expected one of ${KEYS.join(', ')}`);
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
