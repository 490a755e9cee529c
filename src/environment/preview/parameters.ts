import { type ParameterFiles, readParameterFiles } from '../../cloudformation/parameters/files.ts';
import { expandFiles } from '../../cloudformation/parameters/placeholders.ts';
import type { Template } from '../../cloudformation/template/template.ts';
import { refuseContradiction, type Supplied } from '../manifest/supplied.ts';
import type { PreviewRequest, PreviewService } from './context.ts';

/** The settings of all stacks of a preview, from the parameter files and platform.yml. */
export interface Shared {
  /** Only parameters that the template declares. */
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  stackPolicy?: string;
}

/**
 * Reads the parameter files for the services of a preview, and the name of the SSM parameter with the listener's ARN.
 *
 * @throws PlatformError for an invalid file, and for values that contradict supplied ones.
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

/** The values of parameters that the template declares. */
export function declaredIn<T>(
  { parameters }: Template,
  values: Readonly<Record<string, T>>,
): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(parameters, key)));
}

/** The parameters of every service that the inputs and platform.yml determine. */
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

/** Rejects values that differ from the supplied ones. */
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
