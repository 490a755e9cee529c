import type { Source } from './source.ts';

/** The delimiters of a reference in a value. No file contains them. */
export const OPEN = '\u0001';
export const CLOSE = '\u0002';

/** A reference to a parameter of the template, or to a pseudo parameter of CloudFormation. */
export const token = (name: string): string => `${OPEN}${name}${CLOSE}`;

/** An environment variable of a container. */
export interface Variable {
  name: string;
  /** May contain references: see `token`. */
  value: string;
}

/** A secret of a container, in Secrets Manager or Parameter Store. */
export interface Secret {
  name: string;
  service: 'secretsmanager' | 'ssm';
  /** The ARN, or the name in the account and region of the environment. May contain references: see `token`. */
  reference: string;
}

/** The settings of a unit in one environment. */
export interface Settings {
  /** Parameters of its template. */
  parameters: Record<string, string>;
  variables: Variable[];
  secrets: Secret[];
}

/** A service or a scheduled task for which platform.yml gets an entry. */
export interface Unit {
  name: string;
  section: 'services' | 'stacks';
  /** The template in this repository that its own template is based on. */
  template: string;
  /** Its entry, without `parameters` and `template`. */
  entry: Record<string, unknown>;
  /** By environment. */
  settings: Readonly<Record<string, Settings>>;
  command?: readonly string[];
  entryPoint?: readonly string[];
  /** Additional stacks that it needs. */
  stacks: Readonly<Record<string, object>>;
  sources: readonly Source[];
  /** Its source, for the report. */
  kind: string;
  /** Why a value at a path has no counterpart. */
  advice: (path: string) => string;
}

/** An existing service, which needs no stack. */
export interface ExistingUnit {
  name: string;
  environments: Readonly<Record<string, { account: string; region: string; place: Record<string, string> }>>;
  sources: readonly Source[];
  kind: string;
  advice: (path: string) => string;
}

/** The name of a service in platform.yml. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-$/g, '');
}
