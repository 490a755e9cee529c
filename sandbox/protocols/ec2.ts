import { element } from './xml.ts';
import { parseForm } from './query.ts';
import type { Protocol } from './service.ts';

/**
 * EC2's query protocol: a form in, XML out, its lists without `member` in and with `item` out.
 *
 * @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-query-api.html
 */
export const ec2: Protocol = {
  decode(request) {
    const form = new URLSearchParams(request.body.toString('utf8'));
    return { operation: form.get('Action') ?? '', input: parseForm(form) };
  },

  succeed(output, call, service) {
    const namespace = `http://${service.name}.amazonaws.com/doc/${service.apiVersion ?? ''}/`;
    const body = element(`${call.operation}Response`, { requestId: call.requestId, ...output }, 'item');
    return {
      status: 200,
      headers: headers(call.requestId),
      body: body.replace('>', ` xmlns="${namespace}">`),
    };
  },

  refuse(error, call) {
    const { code, message, status } = error;
    const fields = { Errors: { Error: { Code: code, Message: message } }, RequestID: call.requestId };
    return { status, headers: headers(call.requestId), body: element('Response', fields, 'item'), code };
  },

  /** @see https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html */
  refusals: {
    unsigned: ['MissingParameter', 'The request must contain the parameter AWSAccessKeyId', 400],
    unknownKey: ['AuthFailure', 'AWS was not able to validate the provided access credentials', 401],
    expiredToken: ['RequestExpired', 'Request has expired.', 400],
    denied: ['UnauthorizedOperation', 'You are not authorized to perform this operation. ', 403],
    unknownOperation: ['InvalidAction', 'The action is not valid for this web service.', 400],
    throttle: ['RequestLimitExceeded', 'Request limit exceeded.', 503],
    failure: ['InternalError', 'An internal error has occurred', 500],
  },
};

function headers(requestId: string): Record<string, string> {
  return { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId };
}
