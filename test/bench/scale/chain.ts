import type { ChildProcess } from 'node:child_process';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { atMost, type Row, sized, told } from './row.ts';

const CHAIN = 5;
const SLOW = 100;
const LIMIT = 1.3;

/** How long a chain of five quick stacks takes alone, and next to stacks that are in progress all the time. */
export async function measureChain(size: number): Promise<Row[]> {
  const alone = await chainMs(0);
  const beside = await chainMs(sized(SLOW, size));
  return [
    atMost(`chain of ${CHAIN} beside ${SLOW} slow stacks, in relation to alone`, beside / alone, LIMIT),
    told('chain: alone, beside', `${seconds(alone)}, ${seconds(beside)}`),
  ];
}

/** Milliseconds from the first call to the end of the chain's last stack. The run is then killed. */
async function chainMs(slow: number): Promise<number> {
  const environment = await ScaleEnvironment.start({
    stacks: CHAIN + slow,
    services: 0,
    chain: CHAIN,
    readers: 0,
    // An hour, in which the chain ends.
    scenario: {
      resources: [{ match: { stack: 'dev-shop-plain' }, on: 'create', seconds: 3_600_000 }],
    },
  });
  let ended = NaN;
  const onLine = (line: string, child: ChildProcess): void => {
    if (!line.includes(`=  dev-shop-chain-${CHAIN} is CREATE_COMPLETE`)) return;
    ended = Date.now();
    child.kill('SIGKILL');
  };
  try {
    const run = await environment.run({}, { onLine, limitMs: 1_200_000 });
    if (Number.isNaN(ended)) throw new Error(`the chain has no end:\n${run.log.slice(-4000)}`);
    return ended - (environment.sandbox.calls.all[0]?.time.getTime() ?? NaN);
  } finally {
    await environment.close();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
