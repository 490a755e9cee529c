import type { ChildProcess } from 'node:child_process';

/** Whether the process has exited, by itself or after a signal. */
export const hasExited = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;
