import { objectStore } from '../../s3/object-store.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { invalid } from '../errors.ts';

/** The maximum size of a template in a request, and at a URL, in bytes. */
const MAX_BODY_BYTES = 51_200;
const MAX_FILE_BYTES = 1_000_000;

export interface TemplateSource {
  body?: string | undefined;
  url?: string | undefined;
}

/** The text of the given template, from the request or from a bucket. Undefined if there is neither. */
export function templateText(
  world: World,
  account: string,
  { body, url }: TemplateSource,
): string | undefined {
  if (body !== undefined && body !== '') {
    if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
      throw invalid(
        `1 validation error detected: Value '${body}' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${MAX_BODY_BYTES}`,
      );
    }
    return body;
  }
  return url === undefined || url === '' ? undefined : readUrl(world, account, url);
}

function readUrl(world: World, account: string, url: string): string {
  const { bucket, key } = placeOf(url);
  const text = readObject(world, account, bucket, key);
  if (text.length > MAX_FILE_BYTES) throw invalid(`Template may not exceed ${MAX_FILE_BYTES} bytes in size.`);
  return text.toString('utf8');
}

/** The bucket and key of an S3 URL of either style. */
function placeOf(url: string): { bucket: string; key: string } {
  const parsed = URL.parse(url);
  if (url.startsWith('s3://')) {
    throw invalid(`S3 error: Domain name specified in ${parsed?.host ?? ''} is not a valid S3 domain`);
  }
  const host = /^(?:(?<bucket>[^/]+)\.)?s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$/.exec(
    parsed?.hostname ?? '',
  );
  if (!parsed || !host) throw invalid('TemplateURL must be a supported URL.');
  const path = decodeURIComponent(parsed.pathname.slice(1));
  const bucket = host.groups?.bucket;
  if (bucket !== undefined) return { bucket, key: path };
  const slash = path.indexOf('/');
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

function readObject(world: World, account: string, bucket: string, key: string): Buffer {
  const help =
    'For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html';
  try {
    const body = objectStore(world, account).get(bucket, key);
    if (body) return body;
  } catch (error) {
    if (error instanceof AwsError) throw invalid(`S3 error: ${error.message}\n${help}`);
    throw error;
  }
  throw invalid(`S3 error: The specified key does not exist.\n${help}`);
}
