import { readdirSync, readFileSync } from 'node:fs';
import { cell } from '../cell.ts';
import { readTemplate, textOf } from './template.ts';
import type { Parameter, Template } from './template.ts';

/** The order of the sections, from the lowest layer up. */
const ORDER = [
  'bootstrap',
  'bootstrap-execution',
  'bootstrap-previews',
  'service-repository',
  'vpc',
  'existing-vpc',
  'security',
  'registry',
  'aurora-serverless',
  'aurora',
  'backup',
  'restore-drill',
  'cache',
  'cluster',
  'existing-cluster',
  'monitoring',
  'queue',
  'fargate',
  'scheduled-task',
  'preview',
  'cost',
];

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** docs/reference/templates.md with the reference of every template's parameters, shared names and outputs. */
export function templatesPage(): string {
  const page = readFileSync('docs/reference/templates.md', 'utf8');
  const names = readdirSync('templates').flatMap((file) =>
    file.endsWith('.yml') ? file.replace('.yml', '') : [],
  );
  const unknown = names.filter((name) => !ORDER.includes(name));
  if (unknown.length > 0 || names.length !== ORDER.length)
    throw new Error(`ORDER in scripts/templates/page.ts does not match templates/ (${unknown.join(', ')})`);
  const reference = ORDER.map((name) => section(readTemplate(name))).join('\n\n');
  const marked = /(<!-- reference -->\n)[\s\S]*(<!-- \/reference -->)/;
  if (!marked.test(page)) throw new Error('docs/reference/templates.md has no markers <!-- reference -->');
  return page.replace(marked, (_, start: string, end: string) => `${start}\n${reference}\n\n${end}`);
}

function section(template: Template): string {
  const rows = Object.entries(template.Parameters).map(
    ([name, parameter]) =>
      `| ${code(name)} | ${cell(parameter.Description ?? '')} | ${allowed(parameter)} | ${given(parameter)} |`,
  );
  const written = Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::SSM::Parameter')
    .map(({ Properties }) => sharedName(textOf(Properties?.Name)));
  const outputs = Object.entries(template.Outputs).map(
    ([name, { Description }]) => `${code(name)} (${cell(Description ?? '')})`,
  );
  return [
    `### [${template.name}.yml](../../templates/${template.name}.yml)`,
    cell(textOf(template.document.Description)),
    ['| Parameter | Description | Allowed | Default |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    ...(written.length > 0 ? [`**Writes** ${written.map(code).join(', ')}.`] : []),
    ...(outputs.length > 0 ? [`**Outputs** ${outputs.join(', ')}.`] : []),
  ].join('\n\n');
}

const sharedName = (name: string): string =>
  (/"Fn::Sub":"([^"]*)"/.exec(name)?.[1] ?? name)
    .replace('${Project}', '<project>')
    .replace('${Environment}', '<environment>');

function allowed({ Type, AllowedValues, MinValue, MaxValue }: Parameter): string {
  if (AllowedValues) return AllowedValues.map((value) => code(String(value))).join(' ');
  if (MinValue !== undefined)
    return MaxValue === undefined ? `from ${MinValue}` : `${MinValue} to ${MaxValue}`;
  if (Type.startsWith('AWS::SSM::')) return 'SSM name';
  return Type === 'CommaDelimitedList' || Type.startsWith('List<') ? 'list' : '';
}

const given = ({ Default }: Parameter): string => {
  if (Default === undefined) return '**required**';
  return Default === '' ? 'none' : code(String(Default));
};
