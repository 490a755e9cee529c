import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The requests to the endpoint. */
export interface Request {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** The query protocol's operation. */
  action: string;
  parameters: URLSearchParams;
}

export type Answer = (response: ServerResponse, request: Request) => void;

/** An HTTP server that sends its responses in order, and repeats the last one. */
export class Endpoint {
  readonly requests: Request[] = [];
  answers: Answer[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((message, response) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('end', () => {
        this.#answer(message, response, Buffer.concat(chunks).toString());
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(message: IncomingMessage, response: ServerResponse, body: string): void {
    const parameters = new URLSearchParams(body);
    const request = {
      method: message.method ?? '',
      path: message.url ?? '',
      headers: message.headers,
      body,
      action: parameters.get('Action') ?? '',
      parameters,
    };
    this.requests.push(request);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    answer?.(response, request);
  }
}

/** A result in the query protocol. */
export function xml(result: string): Answer {
  return (response, { action }) => {
    response.setHeader('content-type', 'text/xml');
    response.end(
      `<${action}Response><${action}Result>${result}</${action}Result>` +
        `<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></${action}Response>`,
    );
  };
}

/** An error in the query protocol. */
export function failure(code: string, message = 'no', status = 400): Answer {
  return (response) => {
    response.statusCode = status;
    response.end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>` +
        `<RequestId>request-1</RequestId></ErrorResponse>`,
    );
  };
}

export function text(body: string, status = 200): Answer {
  return (response) => {
    response.statusCode = status;
    response.end(body);
  };
}

/** The connection is lost before a response. */
export const reset: Answer = (response) => {
  response.socket?.resetAndDestroy();
};

/** The connection is lost during a response. */
export const cutShort: Answer = (response, { action }) => {
  response.setHeader('content-length', '1000');
  response.write(`<${action}Response><${action}Result>`, () => response.socket?.resetAndDestroy());
};
