import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { HttpRequest } from '../http.ts';
import { AwsError } from '../service.ts';

interface ReadBody {
  body: Buffer;
  /** Headers that came after a chunked body, such as its checksum. */
  trailers: Record<string, string>;
}

type Headers = Record<string, string>;

const DIGESTS: Record<string, (body: Buffer) => Buffer> = {
  'content-md5': (body) => createHash('md5').update(body).digest(),
  'x-amz-checksum-crc32': (body) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes;
  },
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest(),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest(),
};

/** Takes the transfer coding `aws-chunked` off: `<hex size>[;signature]\r\n<bytes>\r\n` … `0\r\n<trailers>`. */
export function readBody(request: HttpRequest): ReadBody {
  const chunked = request.headers['x-amz-content-sha256']?.startsWith('STREAMING-') ?? false;
  if (!chunked) return { body: request.body, trailers: {} };
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = request.body.indexOf('\r\n', at);
    const size = Number.parseInt(request.body.toString('latin1', at, line), 16);
    if (line < 0 || Number.isNaN(size)) throw new AwsError('IncompleteBody', 'The request body terminated unexpectedly');
    at = line + 2;
    if (size === 0) break;
    chunks.push(request.body.subarray(at, at + size));
    at += size + 2;
  }
  return { body: Buffer.concat(chunks), trailers: readTrailers(request.body.toString('latin1', at)) };
}

function readTrailers(text: string): Headers {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

/** The checksums that came with a body. Throws BadDigest for one that is wrong, NotImplemented for an unknown one. */
export function checksums(body: Buffer, headers: Headers): Headers {
  const given = Object.entries(headers).filter(([name]) => isChecksum(name));
  for (const [name, value] of given) {
    const digest = DIGESTS[name];
    if (!digest) throw new AwsError('NotImplemented', `the sandbox does not compute ${name}`, 501);
    if (digest(body).toString('base64') !== value) {
      const algorithm = name.split('-').at(-1)?.toUpperCase() ?? '';
      const which = name === 'content-md5' ? 'Content-MD5' : algorithm;
      const message = `The ${which} you specified did not match the calculated checksum.`;
      throw new AwsError('BadDigest', message);
    }
  }
  return Object.fromEntries(given.filter(([name]) => name !== 'content-md5'));
}

function isChecksum(name: string): boolean {
  return name === 'content-md5' || /^x-amz-checksum-(?!algorithm$|mode$|type$)/.test(name);
}
