import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Comment {
  id: number;
  body: string;
  user: { login: string };
  html_url: string;
}

interface Call {
  method: string;
  path: string;
  authorization: string;
  body: Record<string, unknown>;
}

type Override = { status: number; body?: unknown; headers?: Record<string, string> } | 'reset' | 'lost';

/** GitHub's message for too many calls. */
export const RATE_LIMITED = {
  message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
};

/** A stateful fake of GitHub's REST API for comments and deployments. */
export class FakeGitHub {
  readonly comments: Comment[] = [];
  readonly calls: Call[] = [];
  /** By `METHOD path-end`: responses before the real one, in order. `lost` applies the call and loses its response. */
  readonly overrides = new Map<string, Override[]>();
  login: string | undefined = 'somebody';
  viewer: string | undefined;
  /** The bodies of the created deployments, whose ids start at 99. */
  readonly deployments: Record<string, unknown>[] = [];
  #lastId = 0;
  readonly #server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const call: Call = {
        method: message.method ?? '',
        path: message.url ?? '',
        authorization: message.headers.authorization ?? '',
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      };
      this.calls.push(call);
      const override = this.#override(call);
      if (override === 'reset') {
        message.socket.resetAndDestroy();
        return;
      }
      const answer = typeof override === 'object' ? override : this.#answer(call);
      if (override === 'lost') {
        message.socket.resetAndDestroy();
        return;
      }
      response.writeHead(answer.status, {
        'content-type': 'application/json',
        ...('headers' in answer ? answer.headers : {}),
      });
      response.end(JSON.stringify(answer.body ?? { message: `status ${answer.status}` }));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  comment(login: string, body: string): Comment {
    const id = ++this.#lastId;
    const comment = { id, body, user: { login }, html_url: `https://github.com/comment-${id}` };
    this.comments.push(comment);
    return comment;
  }

  #override({ method, path }: Call): Override | undefined {
    const { pathname } = new URL(path, this.url);
    for (const [key, answers] of this.overrides) {
      const [wanted = '', end = ''] = key.split(' ');
      if (wanted === method && pathname.endsWith(end)) return answers.shift();
    }
    return undefined;
  }

  #answer({ method, path, body }: Call): {
    status: number;
    body?: unknown;
    headers?: Record<string, string>;
  } {
    const { pathname, searchParams } = new URL(path, this.url);
    if (pathname === '/user')
      return this.login ? { status: 200, body: { login: this.login } } : { status: 403 };
    if (pathname === '/graphql') {
      return this.viewer
        ? { status: 200, body: { data: { viewer: { login: this.viewer } } } }
        : { status: 404 };
    }
    if (pathname.endsWith('/deployments')) {
      const all = this.deployments.map((deployment, index) => ({ ...deployment, id: 99 + index }));
      if (method === 'GET') return { status: 200, body: all.reverse() };
      this.deployments.push(body);
      return { status: 201, body: { id: 98 + this.deployments.length } };
    }
    if (pathname.endsWith('/statuses')) return { status: 201, body: {} };
    if (pathname.endsWith('/issues/7/comments') && method === 'GET')
      return this.#page(pathname, searchParams);
    const text = String(body['body']);
    if (pathname.endsWith('/issues/7/comments')) {
      return { status: 201, body: this.comment(this.login ?? this.viewer ?? 'github-actions[bot]', text) };
    }
    const found = this.comments.find(({ id }) => pathname.endsWith(`/issues/comments/${id}`));
    if (!found) return { status: 404 };
    if (method === 'DELETE') {
      this.comments.splice(this.comments.indexOf(found), 1);
      return { status: 204 };
    }
    if (method !== 'PATCH') return { status: 404 };
    found.body = text;
    return { status: 200, body: found };
  }

  #page(pathname: string, query: URLSearchParams) {
    const size = Number(query.get('per_page') ?? '30');
    const page = Number(query.get('page') ?? '1');
    const last = page * size >= this.comments.length;
    const next = `<${this.url}${pathname}?per_page=${size}&page=${page + 1}>; rel="next"`;
    return {
      status: 200,
      body: this.comments.slice((page - 1) * size, page * size),
      headers: last ? {} : { link: next },
    };
  }
}
