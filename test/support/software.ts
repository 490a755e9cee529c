import { test } from '@jest/globals';
import { has } from './programs.ts';
import { tools, type Tool } from './tools/tools.ts';

/** Whether tests that need these programs run: if all exist, and always in CI, where they then fail. */
export function runsWith(...programs: string[]): boolean {
  return process.env['CI'] === 'true' || programs.every((program) => has(program));
}

/** `test` if the programs exist. Otherwise it prints a warning; in CI it fails instead. */
export function testWith(...programs: string[]): typeof test | typeof test.skip {
  if (runsWith(...programs)) return test;
  const missing = programs.filter((program) => !has(program)).join(', ');
  process.stderr.write(`\nNOT RUN: tests that need ${missing}: not installed.\n\n`);
  return test.skip;
}

/** Whether a tool is installed or can be installed. Otherwise it prints a warning; in CI it throws. */
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

/** `test` if a tool is installed or can be installed. */
export function testWithTool(tool: Tool): typeof test | typeof test.skip {
  return canRun(tool) ? test : test.skip;
}
