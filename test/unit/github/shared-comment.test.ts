import { describe, expect, test } from '@jest/globals';
import { PlatformError } from '../../../src/core/errors.ts';
import { type Layout, type PartDraft, readParts, writeBody } from '../../../src/github/comment-parts.ts';
import { upsertPart } from '../../../src/github/shared-comment.ts';
import { RacingGitHub, Simulation, type Weather, writeOnce } from './racing-writers.ts';
import { fc, SEED } from '../../support/property.ts';

const NAMES = ['dev', 'qa', 'staging', 'prod', 'eu', 'us', 'asia', 'dr'];
const MARKER = '<!-- platform:deploy-environment/shop -->';
const REPLACED = '<!-- platform:deploy-environment/shop/dev -->';

const layoutOf = (count: number): Layout => ({
  marker: MARKER,
  order: NAMES.slice(0, count),
  runsUrl: 'https://github.example/org/shop/actions/runs',
});

function draftOf(name: string, run: number, at: number): PartDraft {
  const version = { run, attempt: 1, at };
  const sections = [{ title: `Plan of ${name}`, body: `run ${run}`, priority: 1 }];
  return { name, version, commit: String(run).padStart(40, '0'), sections };
}

interface Scene {
  seed: number;
  writers: number;
  /** The interval between the starts of the jobs, in ms. */
  apart: number;
  before: 'nothing' | 'a comment' | 'two comments' | 'a comment of the older form';
  weather: Weather;
}

interface Ending {
  comments: readonly string[];
  /** The parts of the oldest comment, as displayed. */
  shown: readonly string[];
  /** Writers that reported success although their part is missing. */
  lost: string[];
  gaveUp: number;
}

type Write = (
  store: ReturnType<RacingGitHub['store']>,
  draft: PartDraft,
  layout: Layout,
  simulation: Simulation,
) => Promise<unknown>;

const keep: Write = (store, draft, layout, { clock }) =>
  upsertPart(store, draft, layout, { clock, signal: new AbortController().signal, replaced: REPLACED });

/** The age of comments that existed before. */
const BEFORE_MS = 60_000;

async function race({ seed, writers, apart, before, weather }: Scene, write: Write): Promise<Ending> {
  const simulation = new Simulation(seed);
  const gitHub = new RacingGitHub(simulation, weather);
  const layout = layoutOf(writers);
  if (before === 'a comment of the older form') gitHub.add(`${REPLACED}\nold`);
  if (before === 'a comment' || before === 'two comments')
    gitHub.add(writeBody(draftOf('dev', 1, 1), [], layout));
  if (before === 'two comments') gitHub.add(writeBody(draftOf('gone', 1, 1), [], layout));
  const done: PartDraft[] = [];
  let gaveUp = 0;
  const jobs = layout.order.map(async (name) => {
    await simulation.after(BEFORE_MS + simulation.random() * apart);
    const draft = draftOf(name, 7, Math.round(simulation.clock.now()));
    try {
      await write(gitHub.store(), draft, layout, simulation);
      done.push(draft);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      gaveUp++;
    }
  });
  await simulation.play();
  await Promise.all(jobs);
  const parts = readParts(gitHub.comments[0]?.body ?? '');
  const lost = done.filter(({ name, version }) => parts.get(name)?.version.at !== version.at);
  return {
    comments: gitHub.comments.map(({ body }) => body),
    shown: [...parts.keys()],
    lost: lost.map(({ name }) => name),
    gaveUp,
  };
}

/** The number of races. */
const RACES = Number(process.env['RACES'] ?? 200);

const CALM: Weather = { latencyMs: 600, slow: 0, lost: 0, lagMs: 0 };
const scene = (weather: fc.Arbitrary<Weather>): fc.Arbitrary<Scene> =>
  fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    writers: fc.integer({ min: 2, max: NAMES.length }),
    apart: fc.constantFrom(0, 500, 3000, 20_000),
    before: fc.constantFrom('nothing', 'a comment', 'two comments', 'a comment of the older form'),
    weather,
  });

const rough: fc.Arbitrary<Weather> = fc.record({
  latencyMs: fc.integer({ min: 1, max: 2000 }),
  slow: fc.constantFrom(0, 0.05),
  lost: fc.constantFrom(0, 0.05),
  lagMs: fc.constantFrom(0, 500),
});

async function played(
  name: string,
  weather: fc.Arbitrary<Weather>,
  write: Write,
): Promise<(Ending & { scene: Scene })[]> {
  const scenes = fc.sample(scene(weather), { numRuns: RACES, seed: SEED });
  const endings: (Ending & { scene: Scene })[] = [];
  for (const one of scenes) endings.push({ ...(await race(one, write)), scene: one });
  const writers = scenes.reduce((sum, { writers: count }) => sum + count, 0);
  const lost = endings.filter(({ lost: names }) => names.length > 0).length;
  const gaveUp = endings.reduce((sum, { gaveUp: count }) => sum + count, 0);
  console.info(
    `${name}: ${endings.length} races of ${writers} writers (seed ${SEED}); ${lost} races lost a part, ${gaveUp} writers gave up`,
  );
  return endings;
}

describe('concurrent jobs that write sections of one comment', () => {
  test('the simulation is a race: a single read and write loses sections', async () => {
    const endings = await played('read and replace once', fc.constant(CALM), writeOnce);
    expect(endings.filter(({ lost }) => lost.length > 0).length).toBeGreaterThan(RACES / 4);
  });

  test('all sections are written to one comment, and no job gives up', async () => {
    const endings = await played('calm', fc.constant(CALM), keep);
    for (const {
      comments,
      shown,
      lost,
      gaveUp,
      scene: { writers, before },
    } of endings) {
      expect({ comments: comments.length, lost, gaveUp }).toEqual({ comments: 1, lost: [], gaveUp: 0 });
      // Parts that only the second of two comments had were merged before it was removed.
      const kept = before === 'two comments' ? ['gone'] : [];
      expect(shown).toEqual([...NAMES.slice(0, writers), ...kept]);
    }
  });

  test('with slow or lost responses and stale reads, every reported section is written', async () => {
    const endings = await played('rough', rough, keep);
    for (const { comments, lost } of endings) {
      expect({ comments: comments.length, lost }).toEqual({ comments: 1, lost: [] });
    }
  });

  test('an older run does not overwrite a newer one, however late it writes', async () => {
    const simulation = new Simulation(1);
    const gitHub = new RacingGitHub(simulation, CALM);
    const layout = layoutOf(2);
    const newer = keep(gitHub.store(), draftOf('dev', 9, 1), layout, simulation);
    await Promise.all([simulation.play(), newer]);
    const older = keep(gitHub.store(), draftOf('dev', 8, 2), layout, simulation);
    await Promise.all([simulation.play(), older]);
    expect(await older).toMatchObject({ action: 'unchanged' });
    expect(readParts(gitHub.comments[0]?.body ?? '').get('dev')).toMatchObject({
      text: '### Plan of dev\n\nrun 9',
    });
  });

  test('the section of a single environment is not verified', async () => {
    const simulation = new Simulation(1);
    const gitHub = new RacingGitHub(simulation, CALM);
    const begun = simulation.clock.now();
    await Promise.all([
      simulation.play(),
      keep(gitHub.store(), draftOf('dev', 9, 1), layoutOf(1), simulation),
    ]);
    expect(simulation.clock.now() - begun).toBeLessThan(5000);
    expect(gitHub.comments).toHaveLength(1);
  });

  test('a job that is always overwritten gives up with a notice', async () => {
    const simulation = new Simulation(1);
    const gitHub = new RacingGitHub(simulation, CALM);
    const foreign = writeBody(draftOf('prod', 9, 1), [], layoutOf(2));
    const store = gitHub.store();
    const overwritten = {
      ...store,
      list: async () => (await store.list()).map((comment) => ({ ...comment, body: foreign })),
    };
    const kept = keep(overwritten, draftOf('dev', 9, 1), layoutOf(2), simulation);
    await Promise.all([simulation.play(), expect(kept).rejects.toMatchObject({ code: 'conflict' })]);
  });
});
