import { sha256 } from '../../core/canonical.ts';
import { GetTemplateSummaryCommand } from '@aws-sdk/client-cloudformation';
import { AwsError, classify } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { InputError, reasonOf } from '../../core/errors.ts';
import { readInputFile } from '../../core/inputs/file.ts';
import { capitalize, sentence } from '../../core/text.ts';
import type { CloudFormationContext, DeployStackInputs } from '../context.ts';
import { type Artifact, objectUrl, putObject, uploadArtifacts } from '../package/artifacts.ts';
import { checkLocalPaths, nestedTemplates, type PackageRequest } from '../package/check.ts';
import { packageTemplate } from '../package/package.ts';
import {
  readTemplateDocument,
  type TemplateDocument,
  type TemplateParameter,
  type TemplateResource,
  TemplateSyntaxError,
} from './document.ts';
import { locate, type Place } from './locate.ts';
import { emptyAt, NO_RESOURCES } from './tree.ts';

/** A template to submit: exactly one of `body` and `url`. */
export interface Template {
  /** Path in the workspace, for annotations; absent for a URL. */
  file?: string;
  body?: string;
  url?: string;
  /** SHA-256 of the template's text, hex. */
  hash: string;
  /** The file's text, before its local paths are replaced. */
  source?: string;
  /** The objects in the artifact bucket that `body` refers to. */
  artifacts?: readonly Artifact[];
  /** The templates of nested stacks that are local files, by logical id. */
  nested?: Readonly<Record<string, TemplateLocations>>;
  parameters: Record<string, TemplateParameter>;
  resources: Record<string, TemplateResource>;
  /** 1-based line of a logical id, or of a property path below it (`Resources.Vpc.Properties.CidrBlock`). */
  lineOf(path: string): number | undefined;
  /** The place that a message of CloudFormation is about. */
  locate(message: string): Place;
}

/** Looks up lines in a template and in its nested templates. */
export type TemplateLocations = Pick<Template, 'file' | 'lineOf' | 'locate' | 'nested'>;

/**
 * The template of a nested stack, or of its closest ancestor whose template is known, and the rest of the path from
 * there.
 */
export function nestedTemplate(
  template: TemplateLocations,
  nesting: readonly string[],
): { template: TemplateLocations; below: readonly string[] } {
  const [first = '', ...rest] = nesting;
  const nested =
    template.nested && Object.hasOwn(template.nested, first) ? template.nested[first] : undefined;
  return nested ? nestedTemplate(nested, rest) : { template, below: nesting };
}

/** The data that is read from the text of a template. */
export type TemplateFacts = Pick<Template, 'parameters' | 'resources' | 'lineOf' | 'locate'>;

/** Parses the text again for each lookup of a line: the nodes of a large template take ten times the memory of its text. */
export function factsOf({ parameters, resources, source }: TemplateDocument): TemplateFacts {
  return {
    parameters,
    resources,
    lineOf: (path) => readTemplateDocument(source).lineOf(path),
    locate: (message) => locate(message, readTemplateDocument(source)),
  };
}

/** For a template whose text only CloudFormation can read. */
export const NO_FACTS: TemplateFacts = {
  parameters: {},
  resources: {},
  lineOf: () => undefined,
  locate: () => ({}),
};

/** What the template is for, and where its artifacts are uploaded. */
type TemplateUse = Pick<DeployStackInputs, 'command' | 'stackName' | 'artifactBucket'> &
  Partial<Pick<DeployStackInputs, 'capabilities'>>;

/**
 * Loads a template from a path in the workspace (YAML with short-form intrinsics, or JSON), or from an `https://` or
 * `s3://bucket/key` URL, which only CloudFormation reads.
 * A template at a URL has neither resources nor lines. Its parameters come from GetTemplateSummary, and its hash is that
 * of the URL. The same applies to a file that CloudFormation accepts although it cannot be parsed here.
 * @param use absent: a large file that cannot be parsed is rejected without calling CloudFormation.
 * @throws InputError for a file that is missing or that neither this parser nor CloudFormation can read, and for a local
 * path that cannot be packaged.
 */
export async function loadTemplate(
  context: CloudFormationContext,
  source: string,
  workspace: string,
  use: TemplateUse = { command: 'plan', stackName: '' },
): Promise<Template> {
  if (/^(https?|s3):\/\//i.test(source))
    return await fromUrl(context, templateUrl(source, context.session.region));
  const body = readText(source, workspace);
  try {
    return fromText(context, { file: source, workspace, ...use }, body);
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    return await fromUnreadable(context, { file: source, body, hash: sha256(body) }, error, use);
  }
}

/** The `https` form of a template's address. */
function templateUrl(source: string, region: string): string {
  if (/^https:\/\//i.test(source)) return source;
  const s3 = /^s3:\/\/([^/]+)\/(.+)$/i.exec(source);
  if (!s3)
    throw new InputError(
      'template',
      source,
      'expected a path in the workspace, https://… or s3://bucket/key',
    );
  return objectUrl(s3[1] ?? '', s3[2] ?? '', region);
}

async function fromUrl(context: CloudFormationContext, url: string): Promise<Template> {
  return { url, hash: sha256(url), ...(await readSummary(context, { TemplateURL: url })) };
}

/** Reads the parameters of a template that only CloudFormation can read. */
async function readSummary(
  context: CloudFormationContext,
  source: { TemplateBody: string } | { TemplateURL: string },
): Promise<TemplateFacts> {
  const summary = await send(context.client, new GetTemplateSummaryCommand(source), context);
  const parameters = (summary.Parameters ?? []).map((parameter): [string, TemplateParameter] => [
    parameter.ParameterKey ?? '',
    {
      type: parameter.ParameterType ?? 'String',
      noEcho: parameter.NoEcho ?? false,
      hasDefault: parameter.DefaultValue !== undefined,
    },
  ]);
  return { ...NO_FACTS, parameters: Object.fromEntries(parameters) };
}

function fromText(context: CloudFormationContext, request: PackageRequest, body: string): Template {
  const { file } = request;
  const document = readTemplateDocument(body);
  const line = emptyAt(document);
  if (line !== undefined) {
    const problem = `expected at least one resource in Resources. CloudFormation: ${NO_RESOURCES}`;
    throw new InputError('template', '', problem, { at: { file, line } });
  }
  for (const warning of document.warnings) {
    context.annotations.add({ level: 'warning', title: 'Template', file, ...warning });
  }
  for (const { level, input, message, ...place } of checkLocalPaths(document, request)) {
    context.annotations.add({ level, title: 'Template', message: capitalize(message), ...place });
    if (level === 'error') throw new InputError(input, '', `${message} (${place.file}:${place.line})`);
  }
  return {
    file,
    body,
    hash: sha256(body),
    source: document.source,
    nested: nestedIn(document, request),
    ...factsOf(document),
  };
}

function nestedIn(document: TemplateDocument, request: PackageRequest): Record<string, TemplateLocations> {
  const entries = nestedTemplates(document, request).map(({ logicalId, file, document: own }) => {
    const { lineOf, locate: place } = factsOf(own);
    return [logicalId, { file, lineOf, locate: place, nested: nestedIn(own, { ...request, file }) }] as const;
  });
  return Object.fromEntries(entries);
}

/** The template with its local paths replaced by addresses in the artifact bucket; see packageTemplate. */
export function withPackagedPaths(
  context: Pick<CloudFormationContext, 'session'>,
  template: Template,
  workspace: string,
  use: Pick<TemplateUse, 'artifactBucket'>,
): Template {
  const { source, file } = template;
  if (source === undefined || file === undefined) return template;
  const { region } = context.session;
  const document = readTemplateDocument(source);
  const { text, artifacts } = packageTemplate(document, { ...use, file, workspace, region });
  return text === source ? template : { ...template, body: text, hash: sha256(text), artifacts };
}

/** Lets CloudFormation decide, because its parser accepts more than this one. */
async function fromUnreadable(
  context: CloudFormationContext,
  text: { file: string; body: string; hash: string },
  syntax: TemplateSyntaxError,
  use: TemplateUse,
): Promise<Template> {
  const { file } = text;
  const { message, line, column } = syntax;
  const draft = { ...text, ...NO_FACTS };
  try {
    const summary = await readSummary(context, await templateSource(context, draft, use));
    context.log.notice(
      `Only CloudFormation can parse this template (local parser: ${message}). Annotations will have no line numbers.`,
      { file, line },
    );
    return { ...text, ...summary };
  } catch (error) {
    const kind = classify(error);
    const awsMessage = error instanceof AwsError && kind === 'validation' ? error.awsMessage : undefined;
    if (kind === 'denied') {
      context.log.notice(`${reasonOf(error)} Allow cloudformation:GetTemplateSummary to check the template.`);
    } else if (awsMessage === undefined && !(error instanceof InputError)) throw error;
    context.annotations.add({
      level: 'error',
      title: 'Template syntax error',
      message,
      file,
      line,
      column,
    });
    const quote = awsMessage === undefined ? '' : ` CloudFormation: "${awsMessage}"`;
    throw new InputError('template', '', `expected YAML or JSON. ${capitalize(sentence(message))}${quote}`, {
      at: { file, line },
    });
  }
}

function readText(source: string, workspace: string): string {
  return readInputFile({ input: 'template', path: source }, workspace).replace(/^\uFEFF/, '');
}

/** CloudFormation's quotas for a template in a request and in S3, in bytes. */
const BODY_LIMIT = 51_200;
const OBJECT_LIMIT = 1_048_576;

/**
 * Checks the template's size before any call.
 * @throws InputError if it exceeds 51,200 bytes without an artifact bucket, or 1 MiB.
 */
export function checkTemplateSize(template: Template, artifactBucket?: string): void {
  const size = Buffer.byteLength(template.body ?? '');
  if (size > OBJECT_LIMIT) {
    throw new InputError(
      'template',
      '',
      `expected at most ${OBJECT_LIMIT} bytes, got ${size} in ${template.file ?? ''}`,
    );
  }
  if (size > BODY_LIMIT && !artifactBucket) {
    throw new InputError(
      'artifact-bucket',
      '',
      `expected a bucket, because the template ${template.file ?? ''} has ${size} bytes and CloudFormation accepts at most ${BODY_LIMIT} in a request`,
    );
  }
}

/**
 * Uploads the artifacts of a template and returns the template argument of CreateChangeSet. A large template is uploaded
 * under a key derived from its content, so runs never overwrite each other, and only to a bucket of the caller's account.
 * Plans have their own prefix, so that a role for plans can be denied access to the uploads of deployments.
 */
export async function templateSource(
  context: CloudFormationContext,
  template: Template,
  { command, stackName, artifactBucket }: TemplateUse,
): Promise<{ TemplateBody: string } | { TemplateURL: string }> {
  checkTemplateSize(template, artifactBucket);
  if (artifactBucket) await uploadArtifacts(context, artifactBucket, template.artifacts ?? []);
  if (template.url !== undefined) return { TemplateURL: template.url };
  const body = template.body ?? '';
  if (Buffer.byteLength(body) <= BODY_LIMIT || !artifactBucket) return { TemplateBody: body };
  const purpose = command === 'plan' ? 'plans' : 'deployments';
  const key = `platform/${purpose}/${stackName}/${template.hash}.yml`;
  context.log.info(`Uploading the template to s3://${artifactBucket}/${key}`);
  await putObject(context, artifactBucket, { Key: key, Body: body, ContentType: 'application/yaml' });
  return { TemplateURL: objectUrl(artifactBucket, key, context.session.region) };
}
