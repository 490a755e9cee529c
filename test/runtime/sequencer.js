import Sequencer from '@jest/test-sequencer';

/** Starts the suites that run bundles or whole commands first: one that starts last would be waited for alone. */
export default class extends Sequencer {
  /** @param {{ path: string }[]} tests */
  sort(tests) {
    const isUnit = ({ path }) => /[\\/]test[\\/](unit|contract)[\\/]/.test(path);
    return super.sort(tests).sort((a, b) => Number(isUnit(a)) - Number(isUnit(b)));
  }
}
