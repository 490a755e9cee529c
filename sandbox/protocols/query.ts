import { element, members } from './xml.ts';
import type { Input, Protocol } from './service.ts';
interface Tree {
  [key: string]: Tree | string;
}

/** The query protocol: form input, XML output. CloudFormation, STS. */
export const query: Protocol = {
  decode(request) {
    const form = new URLSearchParams(request.body.toString('utf8'));
    const fields = form.has('Action') ? form : request.query;
    return { operation: fields.get('Action') ?? '', input: parseForm(fields) };
  },

  succeed(output, call, service) {
    const namespace = `http://${service.name}.amazonaws.com/doc/${service.apiVersion ?? ''}/`;
    const result = element(`${call.operation}Result`, output, 'member');
    const metadata = element('ResponseMetadata', { RequestId: call.requestId }, 'member');
    const body = `<${call.operation}Response xmlns="${namespace}">${result}${metadata}</${call.operation}Response>`;
    return { status: 200, headers: headers(call.requestId), body };
  },

  refuse(error, call) {
    const { code, message, status, extra } = error;
    const fields = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message, ...extra };
    const body = members({ Error: fields, RequestId: call.requestId }, 'member');
    const reply = {
      status,
      headers: headers(call.requestId),
      body: `<ErrorResponse>${body}</ErrorResponse>`,
    };
    return { ...reply, code };
  },

  refusals: {
    unsigned: ['MissingAuthenticationToken', 'Request is missing Authentication Token', 403],
    unknownKey: ['InvalidClientTokenId', 'The security token included in the request is invalid.', 403],
    expiredToken: ['ExpiredToken', 'The security token included in the request is expired', 403],
    denied: ['AccessDenied', '', 403],
    unknownOperation: ['InvalidAction', 'The action is not valid for this endpoint.', 400],
    throttle: ['Throttling', 'Rate exceeded', 400],
    failure: ['InternalFailure', 'An internal error has occurred.', 500],
  },
};

function headers(requestId: string): Record<string, string> {
  return { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
}

/** `A.member.1.B=x` is `{ A: [{ B: 'x' }] }`; `A.entry.1.key=k` and `.value=v` are `{ A: { k: 'v' } }`. */
export function parseForm(fields: URLSearchParams): Input {
  const tree = newTree();
  for (const [name, value] of fields) {
    if (name !== 'Action' && name !== 'Version') plant(tree, name.split('.'), value);
  }
  return Object.fromEntries(Object.entries(tree).map(([key, node]) => [key, harvest(node)]));
}

/** Without a prototype, because a field may have any name, even `__proto__`. */
function newTree(): Tree {
  return Object.create(null) as Tree;
}

function plant(tree: Tree, [key = '', ...rest]: string[], value: string): void {
  if (rest.length === 0) {
    tree[key] = value;
    return;
  }
  const branch = tree[key];
  const next = typeof branch === 'object' ? branch : newTree();
  tree[key] = next;
  plant(next, rest, value);
}

function harvest(node: Tree | string): unknown {
  if (typeof node === 'string') return node;
  const { member, entry } = node;
  if (typeof member === 'object') return inOrder(member);
  if (typeof entry === 'object') {
    const pairs = inOrder(entry) as { key: string; value: unknown }[];
    return Object.fromEntries(pairs.map((pair) => [pair.key, pair.value]));
  }
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, harvest(child)]));
}

function inOrder(numbered: Tree): unknown[] {
  return Object.keys(numbered)
    .sort((a, b) => Number(a) - Number(b))
    .map((index) => harvest(numbered[index] ?? ''));
}
