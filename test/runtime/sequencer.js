import Sequencer from '@jest/test-sequencer';

/** Starts the suites that take long first, which run bundles or whole commands: the last one is waited for alone. */
export default class extends Sequencer {
  /** @param {{ path: string }[]} tests */
  sort(tests) {
    const isShort = ({ path }) => /[\\/]test[\\/](unit|contract)[\\/](?!.*[\\/]wire[\\/])/.test(path);
    return super.sort(tests).sort((a, b) => Number(isShort(a)) - Number(isShort(b)));
  }
}
