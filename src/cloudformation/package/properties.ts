/**
 * How a property names an object in S3: as `s3://bucket/key`, as the HTTPS URL of a template, or as an object with the
 * bucket and the key under these names.
 */
type Location = 'url' | 'template' | { bucket: string; key: string; version?: string };

/** A property that may name a local file or folder. */
export interface PackagedProperty {
  /** Below the resource's Properties; a dot goes one level down. */
  path: string;
  location: Location;
  /** Whether a single file is zipped too, unless it is a zip archive. */
  zipped?: true;
  /** Whether it cannot be a folder. */
  fileOnly?: true;
  /** What the service takes at most, unzipped. */
  mostBytes?: number;
}

const OBJECT = { bucket: 'Bucket', key: 'Key', version: 'Version' };
const S3_OBJECT = { bucket: 'S3Bucket', key: 'S3Key', version: 'S3ObjectVersion' };
/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const OF_LAMBDA = { zipped: true, mostBytes: 250 * 1024 * 1024 } as const;
const TEMPLATE = { location: 'template', fileOnly: true } as const;

/**
 * The properties whose local paths are packaged, by resource type.
 *
 * Those of `aws cloudformation package` (RESOURCES_EXPORT_LIST of awscli/customizations/cloudformation/artifact_exporter.py
 * of awscli 1.46), and those that only `sam package` adds (RESOURCES_WITH_LOCAL_PATHS of samcli/lib/utils/resources.py).
 */
export const PACKAGED_PROPERTIES: Readonly<Record<string, readonly PackagedProperty[]>> = {
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
 * The properties of the sections Metadata and Globals. AWS::ServerlessRepo::Application is awscli's METADATA_EXPORT_LIST;
 * what Globals says holds for every function or API of the template.
 *
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
 */
export const PACKAGED_SECTIONS: readonly { section: readonly string[]; property: PackagedProperty }[] = [
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
 * The file of a macro that CloudFormation puts into the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html
 */
export const INCLUDED_FILE: PackagedProperty = { path: 'Location', location: 'url', fileOnly: true };
