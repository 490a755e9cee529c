import { tools } from './tools.ts';

/** Installs all of them, one after another: two Go builds at a time take longer than one after the other. */
for (const [name, install] of Object.entries(tools)) {
  const started = Date.now();
  const path = install();
  console.log(`${name}: ${path} (${Math.round((Date.now() - started) / 1000)} s)`);
}
