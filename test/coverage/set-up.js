import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installedNode24 } from '../runtime/node24.js';

/** Where the processes of actions leave what V8 counted. */
export const COUNTS = resolve('coverage/actions');

/** Has the tests run actions from their sources, and V8 count what of them is executed. */
export default function setUp() {
  rmSync(COUNTS, { recursive: true, force: true });
  mkdirSync(COUNTS, { recursive: true });
  const program = join(COUNTS, '../node');
  const hook = join(import.meta.dirname, 'from-source.js');
  // Functions from a compile cache are counted less exactly (Node.js, module.enableCompileCache).
  const command = `NODE_DISABLE_COMPILE_CACHE=1 NODE_V8_COVERAGE='${COUNTS}' exec '${installedNode24()}' --disable-warning=ExperimentalWarning --import '${hook}' "$@"`;
  writeFileSync(program, `#!/bin/bash\n${command}\n`);
  chmodSync(program, 0o755);
  process.env['COUNTING_NODE'] = program;
}
