import { type ParameterFiles, readParameterFiles } from '../../cloudformation/parameters/files.ts';
import { expandFiles } from '../../cloudformation/parameters/placeholders.ts';
import type { Template } from '../../cloudformation/template/template.ts';
import { refuseContradiction, type Supplied } from '../manifest/supplied.ts';
import type { PreviewRequest, PreviewService } from './context.ts';

/** What the stacks of a preview have in common: of the parameter files, and of platform.yml. */
export interface Shared {
  /** Those that the template declares. */
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  stackPolicy?: string;
}

/**
 * Reads the parameter files for the services of a preview, and the name of the parameter that holds the listener.
 *
 * @throws PlatformError for a file that cannot be used, and for values that contradict supplied ones.
 */
export function readShared(
  request: PreviewRequest,
  services: readonly PreviewService[],
  template: Template,
): Shared & { listenerName: string | undefined } {
  const supplied = suppliedParameters(request);
  const read = readParameterFiles(request.parameterFiles, request.workspace);
  const { parameters, tags, stackPolicy } = expandFiles(read, valuesOf(supplied));
  const ofFiles = declaredIn(template, parameters);
  for (const service of services) refuseContradictions(request, service, ofFiles);
  return {
    listenerName: request.parameters['Listener'] ?? parameters['Listener']?.value,
    parameters: { ...valuesOf(ofFiles), ...declaredIn(template, valuesOf(supplied)) },
    tags: valuesOf(tags),
    ...(stackPolicy !== undefined && { stackPolicy }),
  };
}

/** Those that the template declares. */
export function declaredIn<T>(
  { parameters }: Template,
  values: Readonly<Record<string, T>>,
): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(parameters, key)));
}

/** What every service of a preview is given by the inputs and platform.yml. */
function suppliedParameters({
  project,
  projectFrom,
  environment,
}: PreviewRequest): Record<'Project' | 'Environment', Supplied> {
  return {
    Project: { value: project, from: projectFrom },
    Environment: { value: environment, from: 'the input environment' },
  };
}

/** Refuses other values of what is supplied: each stack gets its own. */
function refuseContradictions(
  request: PreviewRequest,
  { name, parameters }: PreviewService,
  files: ParameterFiles['parameters'],
): void {
  const ServiceName = { value: name, from: 'the input images' };
  const supplied: Record<string, Supplied> = { ...suppliedParameters(request), ServiceName };
  const inputs = Object.entries({ ...parameters, ...request.parameters }).map(
    ([key, value]) => [key, { value, file: 'parameters' }] as const,
  );
  for (const [key, given] of [...Object.entries(files), ...inputs]) {
    refuseContradiction(key, given, supplied[key]);
  }
}

function valuesOf(given: Readonly<Record<string, { value: string }>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
}
