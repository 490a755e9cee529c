import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import { listOf, plural, sentence } from '../../core/text.ts';
import type { Context } from '../../core/context.ts';
import { describeHold, holdParameter, readHold } from '../hold.ts';
import type { Release } from '../ledger.ts';
import { describeLock, environmentLock } from '../lock.ts';
import { alarmsInAlarm } from './gates/alarms.ts';
import { groupPlaces, requireAccounts } from './environment.ts';
import type { PromotionEnvironment } from './environment.ts';
import { placeOf, releasesOf, runningDigest } from './plan.ts';
import type { EnvironmentState, ServiceState, StatusResult } from './result.ts';
import { digestIn } from '../../ecs/proof.ts';
import { readRunning } from './running.ts';
import type { RunningService } from './running.ts';

export interface StatusRequest {
  /** In the order of promotion. */
  environments: readonly { environment: PromotionEnvironment; from: string; services: readonly string[] }[];
}

/** Reads the state of all environments in parallel. One that cannot be read does not hide the others. */
export async function reportStatus(context: Context, { environments }: StatusRequest): Promise<StatusResult> {
  const read = await Promise.all(environments.map((one) => readOrExplain(one, context)));
  for (const one of read) compare(one, read);
  const services = [...new Set(environments.flatMap((one) => one.services))];
  const failed = read.filter(({ error }) => error !== undefined);
  const differ = read.filter((one) => Object.values(one.services).some(({ drift }) => drift === 'behind'));
  const reason =
    failed.length === read.length
      ? sentence(`Failed to read every environment: ${failed[0]?.error ?? ''}`)
      : `${plural(read.length, 'environment')}: ${differenceText(differ)}.`;
  const ok = failed.length === 0;
  return {
    kind: 'status',
    verdict: ok ? 'reported' : 'failed',
    ok,
    reason: ok || failed.length === read.length ? reason : `Failed to read ${namesOf(failed)}. ${reason}`,
    report: { environments: read, services },
    readAt: context.clock.now(),
  };
}

function differenceText(differ: readonly EnvironmentState[]): string {
  if (differ.length === 0) return 'none differs from upstream';
  return `${namesOf(differ)} ${differ.length === 1 ? 'differs' : 'differ'} from upstream`;
}

function namesOf(environments: readonly EnvironmentState[]): string {
  return listOf(environments.map(({ name }) => name));
}

async function readOrExplain(
  one: StatusRequest['environments'][number],
  { signal }: Context,
): Promise<EnvironmentState> {
  const { environment, from } = one;
  try {
    return { name: environment.name, from, ...(await readEnvironment(environment, one.services)) };
  } catch (error) {
    signal.throwIfAborted();
    return { name: environment.name, from, services: {}, error: reasonOf(error) };
  }
}

async function readEnvironment(
  environment: PromotionEnvironment,
  names: readonly string[],
): Promise<Pick<EnvironmentState, 'services' | 'hold' | 'lock'>> {
  await requireAccounts([environment]);
  const { context } = environment;
  const [running, releases, lock, hold] = await Promise.all([
    readRunning(environment, names),
    releasesOf(environment, names),
    readLock(environment),
    context.ssm().then((client) => readHold(client, holdParameter(placeOf(environment)), context)),
  ]);
  const alarming = new Map(
    await Promise.all(
      groupPlaces(environment, names).flatMap(({ place, services }) => {
        const watched = services.flatMap((name) => running.get(name)?.alarms ?? []);
        const inAlarm = alarmsInAlarm(place.context, [...new Set(watched)]);
        return services.map(async (name) => [name, await inAlarm] as const);
      }),
    ),
  );
  const states = names.map(
    (name, index) =>
      [name, stateOf(running.get(name), releases[index], alarming.get(name) ?? new Set())] as const,
  );
  return {
    services: Object.fromEntries(states),
    ...(hold && { hold: describeHold(hold) }),
    ...(lock !== undefined && { lock }),
  };
}

/** Who is changing the environment now. Without permission to read the lock, everything else is still read. */
async function readLock(environment: PromotionEnvironment): Promise<string | undefined> {
  const { context } = environment;
  const { parameter } = environmentLock(placeOf(environment));
  try {
    return await describeLock(context, { parameter, what: environment.name });
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    return `Cannot read the lock of ${environment.name}: ${reasonOf(error)}`;
  }
}

function stateOf(
  running: RunningService | undefined,
  release: Release | undefined,
  alarming: ReadonlySet<string>,
): ServiceState {
  if (!running || running.state === 'missing') {
    return { health: 'missing', detail: '', strayed: false, drift: 'none' };
  }
  const digest = runningDigest(running);
  const known = digestIn(release?.image ?? '');
  const alarms = running.alarms.filter((name) => alarming.has(name));
  const { health, detail } = healthOf(running, alarms);
  return {
    health,
    detail,
    strayed: digest !== undefined && known !== undefined && digest !== known,
    drift: 'none',
    ...(digest !== undefined && { digest }),
    ...(release && known === digest && { commit: release.commit }),
    ...(release && release.at !== '' && known === digest && { releasedAt: release.at }),
    ...(release?.approvals && known === digest && { approvals: release.approvals }),
  };
}

function healthOf(
  { state, desired, steady, unsteady, deploying }: RunningService,
  alarms: readonly string[],
): Pick<ServiceState, 'health' | 'detail'> {
  if (alarms.length > 0) return { health: 'unhealthy', detail: `in ALARM: ${alarms.join(', ')}` };
  if (state === 'none' && desired === 0) return { health: 'stopped', detail: 'scaled to zero' };
  if (steady) return { health: 'healthy', detail: '' };
  return { health: deploying ? 'changing' : 'unhealthy', detail: unsteady };
}

/** Compares an environment with the one that its images come from. */
function compare(one: EnvironmentState, all: readonly EnvironmentState[]): void {
  const upstream = all.find(({ name }) => name === one.from);
  if (!upstream) return;
  for (const [service, state] of Object.entries(one.services)) {
    const expected = upstream.services[service]?.digest;
    if (expected === undefined || state.digest === undefined) state.drift = 'unknown';
    else state.drift = expected === state.digest ? 'same' : 'behind';
  }
}
