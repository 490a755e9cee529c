import { query } from './query.ts';
import type { Protocol } from './service.ts';
import { element } from './xml.ts';

const NAMESPACE = 'https://route53.amazonaws.com/doc/2013-04-01/';

/**
 * Route 53's REST with XML bodies. Its errors are those of the query protocol.
 *
 * @see https://github.com/stalwartlabs/dns-update/issues/44 an error document
 */
export const route53: Protocol = {
  decode(request, service) {
    return service?.route?.(request) ?? { operation: request.method, input: {} };
  },

  succeed(output, call) {
    const body = element(`${call.operation}Response`, output, 'flat').replace('>', ` xmlns="${NAMESPACE}">`);
    return { status: 200, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': call.requestId }, body };
  },

  refuse: (error, call) => query.refuse(error, call),
  refusals: query.refusals,
};
