import { classify } from '../aws/errors.ts';
import { reasonOf } from '../core/errors.ts';
import { sentence } from '../core/text.ts';
import {
  type EnvironmentRecord,
  type LedgerContext,
  ledgerNames,
  readEnvironmentRecord,
  readReleases,
  recordEnvironment,
} from './ledger.ts';
import type { OrderRules, OutdatedError, RecordedSource } from './order-check.ts';
import type { ReleaseSource } from './source.ts';

/** A run that changes a whole environment. */
export interface EnvironmentRun {
  project: string;
  environment: string;
  /** The services that the run may change. */
  services: readonly string[];
  source: ReleaseSource;
  order: OrderRules;
}

/**
 * Compares a run with the last run that changed the environment, and with the releases of its services, which other
 * runs may have made. Comparisons that are not possible are logged.
 *
 * @returns the first newer run or release. With `allowOlder`, the caller reports it as a warning.
 */
export async function findNewerRun(
  context: LedgerContext,
  run: EnvironmentRun,
): Promise<OutdatedError | undefined> {
  const records = await recordsOf(context, run);
  const results = await Promise.all(
    records.map(([what, record]) => run.order.check(what, record, run.source)),
  );
  for (const note of new Set(results.map(({ note }) => note))) {
    if (note !== undefined) context.log.info(note);
  }
  return results.find(({ outdated }) => outdated)?.outdated;
}

/** The records, with their subjects. A role without read access to the ledger compares nothing. */
async function recordsOf(
  context: LedgerContext,
  { project, environment, services }: EnvironmentRun,
): Promise<[string, RecordedSource | undefined][]> {
  const place = { project, environment };
  const names = services.map((service) => ledgerNames({ ...place, service }));
  try {
    const [own, releases] = await Promise.all([
      readEnvironmentRecord(context, place),
      readReleases(context, names),
    ]);
    const ofServices = releases.map((release, index): [string, RecordedSource | undefined] => [
      `${services[index] ?? ''} in ${environment}`,
      release,
    ]);
    return [[environment, own], ...ofServices];
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    context.log.warning(
      `Skipped the check of the release order: ${sentence(reasonOf(error))} Fix: Allow ssm:GetParameters on /${project}/${environment}/*.`,
    );
    return [];
  }
}

/** Records a run that is about to change the environment. A role without permission gets a warning. */
export async function recordRun(
  context: LedgerContext,
  { project, environment }: Pick<EnvironmentRun, 'project' | 'environment'>,
  record: Omit<EnvironmentRecord, 'sequence' | 'at'>,
): Promise<void> {
  const at = new Date(context.clock.now()).toISOString();
  try {
    await recordEnvironment(context, { project, environment }, { ...record, at });
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    context.log.warning(
      `The run is not recorded, so an older run will not be detected: ${sentence(reasonOf(error))} Fix: Allow ssm:PutParameter on /${project}/${environment}/release.`,
    );
  }
}
