import { tools } from './tools.ts';

/** Installs all of them in sequence, because parallel Go builds take longer. */
for (const [name, install] of Object.entries(tools)) {
  const started = Date.now();
  const path = install();
  console.log(`${name}: ${path} (${Math.round((Date.now() - started) / 1000)} s)`);
}
