import { isMap, isScalar, type YAMLMap } from 'yaml';
import { callsOf, possibleTexts, textsBelow, type Scope } from './graph-names.ts';
import { readTemplateDocument, type TemplateDocument } from './template-document.ts';

/** A name that stacks share, and what kind it is. */
export interface SharedName {
  kind: 'export' | 'parameter';
  name: string;
}

/** What a stack gives to others, and what it takes from them. */
export interface StackInterface {
  writes: readonly SharedName[];
  reads: readonly SharedName[];
  /** ECR repositories that it makes. */
  repositories: readonly string[];
}

const SSM_VALUE = 'AWS::SSM::Parameter::Value<';
/** `{{resolve:ssm:/name:1}}`; also of a SecureString. The version is of no matter. */
const DYNAMIC = /\{\{resolve:ssm(?:-secure)?:([^:}]+)/g;

/**
 * Reads off a template what it shares with other stacks: exports and imports, and names in Parameter Store. Those
 * are written by AWS::SSM::Parameter and read by parameters of an SSM type and by dynamic references.
 *
 * @param given the values of the template's parameters; defaults count where there is none.
 * @throws TemplateSyntaxError when the text does not parse.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
 */
export function stackInterface(text: string, given: Scope): StackInterface {
  const document = readTemplateDocument(text);
  const scope = { ...defaults(document), ...given };
  const resources = document.node(['Resources']);
  const ofType = (type: string, property: string): string[] =>
    entries(resources)
      .filter(({ value }) => isMap(value) && String(value.get('Type')) === type)
      .flatMap(({ value }) => possibleTexts((value as YAMLMap).getIn(['Properties', property], true), scope));
  const exported = entries(document.node(['Outputs'])).flatMap(({ value }) =>
    isMap(value) ? possibleTexts(value.getIn(['Export', 'Name'], true), scope) : [],
  );
  return {
    writes: [...shared('export', exported), ...shared('parameter', ofType('AWS::SSM::Parameter', 'Name'))],
    reads: [
      ...shared('export', imports(document, scope)),
      ...shared('parameter', [...readByParameters(document, scope), ...readDynamically(document, scope)]),
    ],
    repositories: ofType('AWS::ECR::Repository', 'RepositoryName'),
  };
}

function imports(document: TemplateDocument, scope: Scope): string[] {
  return ['Resources', 'Outputs', 'Conditions'].flatMap((section) =>
    callsOf('ImportValue', document.node([section])).flatMap((argument) => possibleTexts(argument, scope)),
  );
}

function readByParameters(document: TemplateDocument, scope: Scope): string[] {
  return Object.entries(document.parameters)
    .filter(([, { type }]) => type.startsWith(SSM_VALUE))
    .map(([name]) => scope[name] ?? '')
    .filter((name) => name !== '');
}

function readDynamically(document: TemplateDocument, scope: Scope): string[] {
  const inDocument = ['Resources', 'Outputs'].flatMap((section) =>
    textsBelow(document.node([section]), scope),
  );
  return [...inDocument, ...Object.values(scope)].flatMap((text) =>
    [...text.matchAll(DYNAMIC)].map(([, name = '']) => name.trim()),
  );
}

function defaults(document: TemplateDocument): Record<string, string> {
  return Object.fromEntries(
    Object.keys(document.parameters).flatMap((name) => {
      const [value] = possibleTexts(document.node(['Parameters', name, 'Default']), {});
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function entries(node: unknown): { key: string; value: unknown }[] {
  return isMap(node)
    ? node.items.map(({ key, value }) => ({ key: isScalar(key) ? String(key.value) : '', value }))
    : [];
}

function shared(kind: SharedName['kind'], names: readonly string[]): SharedName[] {
  return [...new Set(names)].map((name) => ({ kind, name }));
}
