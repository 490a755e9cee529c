import { readFileSync, statSync } from 'node:fs';
import { extname, relative } from 'node:path';
import { sha256 } from '../../core/canonical.ts';
import { readTemplateDocument, type TemplateDocument, TemplateSyntaxError } from '../template/document.ts';
import { isZip, zip } from './archive.ts';
import { type Artifact, objectUrl } from './artifacts.ts';
import { isS3Url, type PackageRequest, targetOf } from './check.ts';
import { findLocalPaths, type LocalPath } from './local-paths.ts';

/** A template with its local paths replaced, and the artifacts to upload for it. */
interface PackagedTemplate {
  text: string;
  artifacts: readonly Artifact[];
}

interface Packaging extends PackageRequest {
  region: string;
  /** The artifacts by source path and whether they are zipped. */
  artifacts: Map<string, Artifact>;
}

/**
 * Replaces the local paths in a template and its nested templates with objects in the artifact bucket, without uploading
 * them. Line numbers do not change. Objects are named by the hash of their content, so the same content gives the same
 * template on every machine.
 *
 * @param request a request that has passed checkLocalPaths.
 */
export function packageTemplate(
  document: TemplateDocument,
  request: PackageRequest & { region: string },
): PackagedTemplate {
  const packaging = { ...request, artifacts: new Map<string, Artifact>() };
  const text = replacePaths(document, packaging);
  const byKey = new Map([...packaging.artifacts.values()].map((artifact) => [artifact.key, artifact]));
  return { text, artifacts: [...byKey.values()] };
}

function replacePaths(document: TemplateDocument, packaging: Packaging): string {
  return findLocalPaths(document).reduceRight((text, path) => {
    const [start, end] = path.range;
    const lineBreaks = text.slice(start, end).replace(/[^\n]/g, '');
    return text.slice(0, start) + locationText(path, packaging) + lineBreaks + text.slice(end);
  }, document.source);
}

/** The value for AWS, as JSON, which is also YAML. */
function locationText(path: LocalPath, packaging: Packaging): string {
  const { bucket, key, version } = objectOf(path, packaging);
  if (path.location === 'template') {
    return JSON.stringify(objectUrl(bucket, key, packaging.region));
  }
  if (path.location === 'url') return JSON.stringify(`s3://${bucket}/${key}`);
  const names = path.location;
  const parts = [`"${names.bucket}": ${JSON.stringify(bucket)}`, `"${names.key}": ${JSON.stringify(key)}`];
  if (version !== undefined && names.version !== undefined) {
    parts.push(`"${names.version}": ${JSON.stringify(version)}`);
  }
  return `{ ${parts.join(', ')} }`;
}

function objectOf(path: LocalPath, packaging: Packaging): { bucket: string; key: string; version?: string } {
  if (!isS3Url(path)) {
    return { bucket: packaging.artifactBucket ?? '', key: artifactOf(path, packaging).key };
  }
  const [, bucket = '', key = '', version] =
    /^s3:\/\/([^/]+)\/([^?]+)(?:\?versionId=(.+))?$/.exec(path.value) ?? [];
  return { bucket, key, ...(version !== undefined && { version }) };
}

function artifactOf(path: LocalPath, packaging: Packaging): Artifact {
  const target = targetOf(path, packaging);
  const id = `${target} ${path.zipped ? 'zipped' : path.location === 'template' ? 'template' : ''}`;
  const artifact = packaging.artifacts.get(id) ?? makeArtifact(path, target, packaging);
  packaging.artifacts.set(id, artifact);
  return artifact;
}

function makeArtifact(path: LocalPath, target: string, packaging: Packaging): Artifact {
  if (path.location === 'template') return named(path, nestedTemplate(target, packaging), extname(target));
  if (statSync(target).isDirectory()) return named(path, zip(target), '.zip');
  const content = readFileSync(target);
  if (path.zipped && !isZip(content)) return named(path, zip(target), '.zip');
  return named(path, content, extname(target));
}

function nestedTemplate(target: string, packaging: Packaging): Buffer {
  const text = readFileSync(target, 'utf8');
  try {
    const file = relative(packaging.workspace, target);
    return Buffer.from(replacePaths(readTemplateDocument(text), { ...packaging, file }));
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return Buffer.from(text);
    throw error;
  }
}

function named({ name }: LocalPath, bytes: Buffer, extension: string): Artifact {
  return { name, key: `platform/artifacts/${sha256(bytes)}${extension}`, bytes };
}
