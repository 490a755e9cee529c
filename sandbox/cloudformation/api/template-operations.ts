import type { Call, Input, Operation } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { requiredCapabilities, validateTemplate } from '../templates/validation.ts';
import { invalid } from '../errors.ts';
import * as read from './input.ts';
import { changeSetOf, databaseOf, stackToRead } from './lookup.ts';
import { schemaOf } from '../resources/schema.ts';
import type { Template } from '../templates/template.ts';
import { parseTemplate } from '../templates/template.ts';
import { templateText } from '../templates/source.ts';
/** The operations on templates. */
export function templateOperations(world: World): Record<string, Operation> {
  return {
    GetTemplate: (input, call) => getTemplate(world, input, call),
    GetTemplateSummary: (input, call) => getTemplateSummary(world, input, call),
    ValidateTemplate: (input, call) => {
      const template = givenTemplate(world, input, call);
      return {
        Parameters: Object.entries(template.parameters).map(([key, parameter]) => ({
          ParameterKey: key,
          DefaultValue: parameter.default,
          NoEcho: parameter.noEcho,
          Description: parameter.description,
        })),
        Description: template.description,
        ...capabilitiesOf(template),
        DeclaredTransforms: template.transforms.length > 0 ? template.transforms : undefined,
      };
    },
  };
}

function givenTemplate(world: World, input: Input, call: Call): Template {
  const source = { body: read.optional(input, 'TemplateBody'), url: read.optional(input, 'TemplateURL') };
  const body = templateText(world, call.account, source);
  if (body === undefined) throw invalid('Either Template URL or Template Body must be specified.');
  const template = parseTemplate(body);
  validateTemplate(template);
  return template;
}

function capabilitiesOf(template: Template): object {
  const { capabilities, types } = requiredCapabilities(template);
  if (capabilities.length === 0) return {};
  return {
    Capabilities: capabilities,
    CapabilitiesReason: `The following resource(s) require capabilities: [${types.join(', ')}]`,
  };
}

function getTemplate(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stackName = read.optional(input, 'StackName');
  const changeSet = read.optional(input, 'ChangeSetName');
  if (changeSet !== undefined && stackName === undefined && !changeSet.startsWith('arn:')) {
    throw invalid('StackName is a required parameter.');
  }
  const template =
    changeSet === undefined
      ? stackToRead(database, read.required(input, 'StackName')).definition?.template
      : changeSetOf(database, changeSet, stackName).definition.template;
  const stage = read.choice(input, 'TemplateStage', ['Original', 'Processed']) ?? 'Processed';
  return {
    TemplateBody: stage === 'Original' ? (template?.body ?? '') : (template?.processed ?? ''),
    StagesAvailable: ['Original', 'Processed'],
  };
}

function getTemplateSummary(world: World, input: Input, call: Call): object {
  const name = read.optional(input, 'StackName');
  const template =
    name === undefined ? givenTemplate(world, input, call) : templateOfStack(world, name, call);
  const types = [...new Set(Object.values(template.resources).map(({ type }) => type))];
  return {
    Parameters: Object.entries(template.parameters).map(([key, parameter]) => ({
      ParameterKey: key,
      DefaultValue: parameter.default,
      ParameterType: parameter.type,
      NoEcho: parameter.noEcho,
      Description: parameter.description,
      ParameterConstraints: parameter.allowedValues ? { AllowedValues: parameter.allowedValues } : {},
    })),
    Description: template.description,
    ...capabilitiesOf(template),
    ResourceTypes: types,
    Version: template.version,
    Metadata: template.metadata === undefined ? undefined : JSON.stringify(template.metadata),
    DeclaredTransforms: template.transforms.length > 0 ? template.transforms : undefined,
    ResourceIdentifierSummaries: types.map((type) => ({
      ResourceType: type,
      LogicalResourceIds: Object.entries(template.resources).flatMap(([id, resource]) =>
        resource.type === type ? [id] : [],
      ),
      ResourceIdentifiers: schemaOf(type)?.identifier ?? [],
    })),
  };
}

function templateOfStack(world: World, name: string, call: Call): Template {
  const stack = stackToRead(databaseOf(world, call), name);
  if (!stack.definition) throw invalid('GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.');
  return stack.definition.template;
}
