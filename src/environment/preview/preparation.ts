import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { readParameterFiles } from '../../cloudformation/parameter-files.ts';
import { resolveParameters } from '../../cloudformation/parameters.ts';
import { loadTemplate } from '../../cloudformation/template.ts';
import { InputError } from '../../runtime/errors.ts';
import { takenPriorities } from './priority.ts';
import type { PreviewContext, PreviewRequest, PreviewService } from './request.ts';
import { previewStacks, type PreviewStack } from './stacks.ts';

/** What is known before anything is changed. */
export interface Preparation {
  /** With the parameters only that the template declares. */
  services: readonly PreviewService[];
  /** ARN of the shared listener. */
  listener: string;
  /** The priorities of its rules. */
  taken: Set<number>;
  /** What the preview consists of already. */
  stacks: readonly PreviewStack[];
}

/** Reads the template, its parameters, the listener and the preview as it is. Throws InputError for what is wrong. */
export async function prepare(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Preparation> {
  const { services, listenerName } = await readWorkspace(context, request);
  const listener = await readListener(context, listenerName);
  const [taken, stacks] = await Promise.all([
    takenPriorities(context, listener),
    previewStacks(context, request, pullRequest),
  ]);
  return { services, listener, taken, stacks };
}

/** Checks all that the workspace says, for every service. */
async function readWorkspace(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<Pick<Preparation, 'services'> & { listenerName: string }> {
  const { template: source, parameterFiles, parameters, workspace } = request;
  const files = readParameterFiles(parameterFiles, workspace);
  const cloudformation = { ...context, client: await context.cloudformation() };
  const template = await loadTemplate(cloudformation, source, workspace);
  const services = request.services.map((service) => {
    const declared = Object.entries(service.parameters).filter(([key]) =>
      Object.hasOwn(template.parameters, key),
    );
    return { ...service, parameters: Object.fromEntries(declared) };
  });
  for (const service of services) {
    const own = { PullRequest: '', ServiceName: '', Image: '', Priority: '' };
    const inline = { ...service.parameters, ...parameters, ...own };
    resolveParameters(template, { files: files.parameters, inline }, undefined, () => undefined);
  }
  const listenerName = parameters['Listener'] ?? files.parameters['Listener']?.value;
  if (listenerName !== undefined) return { services, listenerName };
  const allowed =
    'a value is missing for Listener, the SSM parameter that holds the ARN of the shared listener';
  throw new InputError('parameters', '', allowed);
}

async function readListener(context: PreviewContext, name: string): Promise<string> {
  try {
    const { Parameter } = await send(await context.ssm(), new GetParameterCommand({ Name: name }), context);
    if (Parameter?.Value) return Parameter.Value;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new Error(
    `There is no SSM parameter ${name}: the environment that hosts previews has no load balancer yet. Nothing was changed.`,
  );
}
