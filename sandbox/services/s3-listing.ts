import type { Bucket } from '../s3.ts';

const MOST_KEYS = 1000;

/** ListObjectsV2's answer. Keys come in byte order; those that share a prefix up to the delimiter are one entry. */
export function listing(bucket: Bucket, query: Record<string, string>): object {
  const { prefix = '', delimiter = '', 'continuation-token': token, 'start-after': startAfter = '' } = query;
  const most = Math.min(Number(query['max-keys'] ?? MOST_KEYS), MOST_KEYS);
  const after = token === undefined ? startAfter : Buffer.from(token, 'base64').toString('utf8');
  const entries = entriesOf(bucket, prefix, delimiter).filter((entry) => compare(entry, after) > 0);
  const shown = entries.slice(0, most);
  const truncated = entries.length > shown.length;
  const isPrefix = (entry: string): boolean => delimiter !== '' && entry.slice(prefix.length).includes(delimiter);
  return {
    Name: bucket.name,
    Prefix: prefix,
    Delimiter: delimiter || undefined,
    MaxKeys: most,
    KeyCount: shown.length,
    IsTruncated: truncated,
    ContinuationToken: token,
    NextContinuationToken: truncated ? Buffer.from(shown.at(-1) ?? '').toString('base64') : undefined,
    StartAfter: startAfter || undefined,
    Contents: shown.filter((entry) => !isPrefix(entry)).map((key) => described(bucket, key)),
    CommonPrefixes: shown.filter(isPrefix).map((Prefix) => ({ Prefix })),
  };
}

function entriesOf(bucket: Bucket, prefix: string, delimiter: string): string[] {
  const keys = [...bucket.objects.keys()].filter((key) => key.startsWith(prefix));
  const entries = keys.map((key) => {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return end < 0 ? key : key.slice(0, end + delimiter.length);
  });
  return [...new Set(entries)].sort(compare);
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function described(bucket: Bucket, key: string): object | undefined {
  const object = bucket.objects.get(key);
  if (!object) return undefined;
  const { lastModified, etag, body } = object;
  return { Key: key, LastModified: lastModified, ETag: etag, Size: body.length, StorageClass: 'STANDARD' };
}
