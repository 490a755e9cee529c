import { join } from 'node:path';
import { goProgram, type GoProgram } from './go.ts';
import { pythonWith } from './venv.ts';

/**
 * The programs of others that tests run, with their versions. The Python packages' are in the .txt files beside this
 * one; shellcheck is Debian's.
 */
const PROGRAMS = {
  act: { module: 'github.com/nektos/act', version: 'v0.2.89', package: '.' },
  actionlint: { module: 'github.com/rhysd/actionlint', version: 'v1.7.12', package: './cmd/actionlint' },
  'docker-buildx': { module: 'github.com/docker/buildx', version: 'v0.29.1', package: './cmd/buildx' },
} satisfies Record<string, Omit<GoProgram, 'name'>>;

const program = (name: keyof typeof PROGRAMS) => (): string => goProgram({ name, ...PROGRAMS[name] });
const requirements = (name: string): string => join(import.meta.dirname, `${name}.txt`);

/** What installs each, where it is not installed yet, and returns its path. */
export const tools = {
  act: program('act'),
  actionlint: program('actionlint'),
  buildx: program('docker-buildx'),
  zizmor: () => join(pythonWith('zizmor', requirements('zizmor')), '..', 'zizmor'),
  /** The Python that has ministack. */
  ministack: () => pythonWith('ministack', requirements('ministack')),
};

export type Tool = keyof typeof tools;
