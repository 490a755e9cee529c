import { isMap, isScalar, isSeq, type Scalar, visit, type YAMLMap } from 'yaml';
import type { TemplateDocument } from '../template/document.ts';

/**
 * How a property refers to an S3 object: `s3://bucket/key`, the HTTPS URL of a template, or an object with these members for
 * the bucket and the key.
 */
type Location = 'url' | 'template' | { bucket: string; key: string; version?: string };

/** A property that may name a local file or folder. */
interface PackagedProperty {
  /** Path below the resource's Properties, separated by dots. */
  path: string;
  location: Location;
  /** Whether a single file is zipped, unless it already is a zip archive. */
  zipped?: true;
  /** Whether a folder is not allowed. */
  fileOnly?: true;
  /** The service's size limit, unzipped. */
  maxBytes?: number;
}

const OBJECT = { bucket: 'Bucket', key: 'Key', version: 'Version' };
const S3_OBJECT = { bucket: 'S3Bucket', key: 'S3Key', version: 'S3ObjectVersion' };
/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const OF_LAMBDA = { zipped: true, maxBytes: 250 * 1024 * 1024 } as const;
const TEMPLATE = { location: 'template', fileOnly: true } as const;

/**
 * The properties whose local paths are packaged, by resource type.
 *
 * They are those of `aws cloudformation package` (RESOURCES_EXPORT_LIST of awscli/customizations/cloudformation/artifact_exporter.py
 * of awscli 1.46), and those that only `sam package` adds (RESOURCES_WITH_LOCAL_PATHS of samcli/lib/utils/resources.py).
 */
const PACKAGED_PROPERTIES: Readonly<Record<string, readonly PackagedProperty[]>> = {
  'AWS::ApiGateway::RestApi': [{ path: 'BodyS3Location', location: OBJECT }],
  'AWS::ApiGatewayV2::Api': [{ path: 'BodyS3Location', location: OBJECT }],
  'AWS::AppSync::FunctionConfiguration': [
    { path: 'RequestMappingTemplateS3Location', location: 'url' },
    { path: 'ResponseMappingTemplateS3Location', location: 'url' },
    { path: 'CodeS3Location', location: 'url' },
  ],
  'AWS::AppSync::GraphQLSchema': [{ path: 'DefinitionS3Location', location: 'url' }],
  'AWS::AppSync::Resolver': [
    { path: 'RequestMappingTemplateS3Location', location: 'url' },
    { path: 'ResponseMappingTemplateS3Location', location: 'url' },
    { path: 'CodeS3Location', location: 'url' },
  ],
  'AWS::CloudFormation::ModuleVersion': [{ path: 'ModulePackage', location: 'url' }],
  'AWS::CloudFormation::ResourceVersion': [{ path: 'SchemaHandlerPackage', location: 'url' }],
  'AWS::CloudFormation::Stack': [{ path: 'TemplateURL', ...TEMPLATE }],
  'AWS::CodeCommit::Repository': [
    { path: 'Code.S3', location: { bucket: 'Bucket', key: 'Key', version: 'ObjectVersion' }, zipped: true },
  ],
  'AWS::ElasticBeanstalk::ApplicationVersion': [
    { path: 'SourceBundle', location: { bucket: 'S3Bucket', key: 'S3Key' } },
  ],
  'AWS::Glue::Job': [{ path: 'Command.ScriptLocation', location: 'url' }],
  'AWS::Lambda::Function': [{ path: 'Code', location: S3_OBJECT, ...OF_LAMBDA }],
  'AWS::Lambda::LayerVersion': [{ path: 'Content', location: S3_OBJECT, ...OF_LAMBDA }],
  'AWS::Serverless::Api': [{ path: 'DefinitionUri', location: 'url' }],
  'AWS::Serverless::Application': [{ path: 'Location', ...TEMPLATE }],
  'AWS::Serverless::Function': [{ path: 'CodeUri', location: 'url', ...OF_LAMBDA }],
  'AWS::Serverless::HttpApi': [{ path: 'DefinitionUri', location: 'url' }],
  'AWS::Serverless::LayerVersion': [{ path: 'ContentUri', location: 'url', ...OF_LAMBDA }],
  'AWS::Serverless::StateMachine': [{ path: 'DefinitionUri', location: OBJECT }],
  'AWS::StepFunctions::StateMachine': [{ path: 'DefinitionS3Location', location: OBJECT }],
};

/**
 * The properties in the sections Metadata and Globals. AWS::ServerlessRepo::Application is awscli's METADATA_EXPORT_LIST;
 * Globals apply to every function or API of the template.
 *
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
 */
const PACKAGED_SECTIONS: readonly { section: readonly string[]; property: PackagedProperty }[] = [
  {
    section: ['Metadata', 'AWS::ServerlessRepo::Application'],
    property: { path: 'LicenseUrl', location: 'url' },
  },
  {
    section: ['Metadata', 'AWS::ServerlessRepo::Application'],
    property: { path: 'ReadmeUrl', location: 'url' },
  },
  { section: ['Globals', 'Function'], property: { path: 'CodeUri', location: 'url', ...OF_LAMBDA } },
  { section: ['Globals', 'Api'], property: { path: 'DefinitionUri', location: 'url' } },
  { section: ['Globals', 'HttpApi'], property: { path: 'DefinitionUri', location: 'url' } },
];

/**
 * The file that the AWS::Include macro inserts into the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html
 */
const INCLUDED_FILE: PackagedProperty = { path: 'Location', location: 'url', fileOnly: true };

/** A property value that is a local file or folder, or an `s3://` URL where AWS expects the bucket and the key. */
export interface LocalPath extends PackagedProperty {
  /** For messages: `Handler.Code`. */
  name: string;
  /** The logical id of its resource, or the name of its section. */
  owner: string;
  /** The value in the template, trimmed. */
  value: string;
  /** 1-based. */
  line: number;
  /** The start and end offsets of the value in the document's source; the end is exclusive. */
  range: readonly [number, number];
}

/**
 * The local paths in a template that a deployment packages. Values that a function computes and remote locations
 * (`s3://…`, `https://…`, a dynamic reference) are not changed. Neither is an absent property, for which awscli packages the
 * template's folder: for a function with InlineCode that would upload the whole repository.
 */
export function findLocalPaths(document: TemplateDocument): LocalPath[] {
  const found: LocalPath[] = [];
  const add = (property: PackagedProperty, owner: string, holder: unknown): void => {
    const node: unknown = isMap(holder) ? holder.getIn(property.path.split('.'), true) : undefined;
    if (!isText(node) || !node.range) return;
    const value = node.value.trim();
    if (!isLocal(value) && !(typeof property.location === 'object' && value.startsWith('s3://'))) return;
    const [start, end] = node.range;
    const name = `${owner}.${property.path}`;
    found.push({ ...property, name, owner, value, line: document.lineAt(start), range: [start, end] });
  };
  for (const { section, property } of PACKAGED_SECTIONS) {
    add(property, section.join('.'), document.node(section));
  }
  for (const { id, resource } of resourcesOf(document.node(['Resources']))) {
    const type = resource.get('Type');
    const properties = typeof type === 'string' ? (PACKAGED_PROPERTIES[type] ?? []) : [];
    for (const property of properties) add(property, id, resource.get('Properties', true));
  }
  visit(document.node([]) as YAMLMap, {
    Map: (_key, map) => {
      if (map.get('Name') === 'AWS::Include') add(INCLUDED_FILE, 'AWS::Include', map.get('Parameters', true));
    },
  });
  return found.sort((one, other) => one.range[0] - other.range[0]);
}

/** The resources of a section, including those in an Fn::ForEach loop. */
function resourcesOf(section: unknown): { id: string; resource: YAMLMap }[] {
  if (!isMap(section)) return [];
  return section.items.flatMap(({ key, value }) => {
    const id = isScalar(key) ? String(key.value) : '';
    if (id.startsWith('Fn::ForEach::')) return isSeq(value) ? resourcesOf(value.items[2]) : [];
    return isMap(value) ? [{ id, resource: value }] : [];
  });
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string' && !node.tag?.startsWith('!');
}

function isLocal(value: string): boolean {
  return value !== '' && !/^(?:https?:\/\/|s3:\/\/|\{\{resolve:)/i.test(value);
}

/** Whether a template has a transform, at the top level or anywhere below. */
export function hasTransform(document: TemplateDocument): boolean {
  return transformsOf(document).length > 0;
}

/** Whether a template has a transform that may read other files, which AWS::LanguageExtensions does not. */
export function hasMacro(document: TemplateDocument): boolean {
  return transformsOf(document).some((name) => name !== 'AWS::LanguageExtensions');
}

/** The names of the transforms; `Fn::Transform` for one whose name is not a string. */
function transformsOf(document: TemplateDocument): string[] {
  const found: string[] = [];
  visit(document.node([]) as YAMLMap, {
    Pair: (_key, { key, value }) => {
      if (!isScalar(key) || (key.value !== 'Transform' && key.value !== 'Fn::Transform')) return undefined;
      const named = isSeq(value) ? value.items : [value];
      found.push(...named.map((item) => (isScalar(item) ? String(item.value) : 'Fn::Transform')));
      return visit.SKIP;
    },
    Map: (_key, { tag }) => {
      if (tag === '!Transform') found.push('Fn::Transform');
    },
  });
  return found;
}
