import { test } from '@jest/globals';
import { has } from './programs.ts';
import { tools, type Tool } from './tools/tools.ts';

/** Whether tests that need these programs run: where all are there, and always in CI, where they then fail. */
export function runsWith(...programs: string[]): boolean {
  return process.env['CI'] === 'true' || programs.every((program) => has(program));
}

/**
 * `test`, where the programs are there. Where one is not, the test says so loudly; in CI it fails instead, so
 * that what was never run cannot look green.
 */
export function testWith(...programs: string[]): typeof test | typeof test.skip {
  if (runsWith(...programs)) return test;
  const missing = programs.filter((program) => !has(program)).join(', ');
  process.stderr.write(`\nNOT RUN: tests that need ${missing}, which is not on this machine.\n\n`);
  return test.skip;
}

/** Whether a tool is installed, or could be. Where not, it says so loudly; in CI it throws. */
export function canRun(tool: Tool): boolean {
  try {
    tools[tool]();
    return true;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nNOT RUN: tests that need ${tool}. ${String(error)}\n\n`);
    return false;
  }
}

/** `test`, where a tool is installed or could be. */
export function testWithTool(tool: Tool): typeof test | typeof test.skip {
  return canRun(tool) ? test : test.skip;
}
