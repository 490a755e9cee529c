import { element } from './xml.ts';
import type { Protocol } from './service.ts';

/** The result of an operation of a rest-xml service. */
export interface RestOutput {
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer;
  /** The root element's name and its content. Lists are flat. */
  xml?: Record<string, object | string>;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>';

/** REST with XML bodies. The service itself defines its routes. S3. */
export const restXml: Protocol = {
  decode(request, service) {
    return service?.route?.(request) ?? { operation: request.method, input: {} };
  },

  succeed(output, call) {
    const { status = 200, headers, body, xml }: RestOutput = output;
    const [root] = Object.entries(xml ?? {});
    const type: Record<string, string> = root ? { 'content-type': 'application/xml' } : {};
    const text = root
      ? PROLOGUE + element(root[0], root[1], 'flat').replace('>', ` xmlns="${NAMESPACE}">`)
      : '';
    return { status, headers: { ...type, ...ids(call.requestId), ...headers }, body: body ?? text };
  },

  refuse(error, call) {
    const { code, message, status, extra } = error;
    const fields = {
      Code: code,
      Message: message,
      ...extra,
      RequestId: call.requestId,
      HostId: call.requestId,
    };
    const body = PROLOGUE + element('Error', fields, 'flat');
    return { status, headers: { 'content-type': 'application/xml', ...ids(call.requestId) }, body, code };
  },

  refusals: {
    unsigned: ['AccessDenied', 'Access Denied', 403],
    unknownKey: [
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      403,
    ],
    expiredToken: ['ExpiredToken', 'The provided token has expired.', 400],
    denied: ['AccessDenied', '', 403],
    unknownOperation: [
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      501,
    ],
    throttle: ['SlowDown', 'Please reduce your request rate.', 503],
    failure: ['InternalError', 'We encountered an internal error. Please try again.', 500],
  },
};

function ids(requestId: string): Record<string, string> {
  return { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId };
}
