import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

const SECRET = 'secret';

/**
 * The URL for the response of a custom resource: pre-signed for a PUT without a content type, with signature version 2.
 * S3 signs the received content type, so any other than an empty one is refused.
 * @see https://github.com/aws/aws-sdk-js/issues/557 the string that S3 signs, and its words
 * @see https://github.com/binxio/cfn-secret-provider/issues/3 the same of a custom resource's answer
 */
export class ResponseUrl {
  readonly answers: unknown[] = [];
  readonly refusals: string[] = [];
  readonly #server = createServer((request, response) => {
    void this.#receive(request).then(([status, body]) => response.writeHead(status).end(body));
  });
  #unavailable = false;

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    const path = '/cloudformation-custom-resource-response-euwest1/arn%3Aaws%3Acloudformation%3Astack';
    const expires = '1900000000';
    const query = {
      AWSAccessKeyId: 'AKIAEXAMPLE',
      Expires: expires,
      Signature: signature('PUT', '', expires, path),
    };
    return `http://127.0.0.1:${port}${path}?${new URLSearchParams(query).toString()}`;
  }

  /** Responds with 503 from now on. */
  fail(): void {
    this.#unavailable = true;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #receive(request: IncomingMessage): Promise<[status: number, body: string]> {
    const body = await text(request);
    if (this.#unavailable) return [503, '<Error><Code>SlowDown</Code></Error>'];
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const contentType = request.headers['content-type'] ?? '';
    const expected = signature(
      request.method ?? '',
      contentType,
      searchParams.get('Expires') ?? '',
      pathname,
    );
    if (expected !== searchParams.get('Signature')) {
      this.refusals.push(contentType);
      return [
        403,
        '<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided. Check your key and signing method.</Message></Error>',
      ];
    }
    this.answers.push(JSON.parse(body));
    return [200, ''];
  }
}

/** Method, MD5 (none), content type, expiry and resource, each on a line. */
function signature(method: string, contentType: string, expires: string, resource: string): string {
  const signed = [method, '', contentType, expires, resource].join('\n');
  return createHmac('sha1', SECRET).update(signed).digest('base64');
}
