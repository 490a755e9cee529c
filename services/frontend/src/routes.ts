import type { Server } from '@services/shared';
import type { RenderedPage } from './rendered-page.ts';

/** The page has no separate assets: no URL contains a release, so every release can serve every request. */
export function addPage(app: Server, { bodies, headers }: RenderedPage): void {
  app.get('/', { schema: { hide: true } }, (request, reply) => {
    void reply.headers(headers);
    if (request.headers['if-none-match'] === headers['etag']) return reply.code(304).send();
    const accepted = request.headers['accept-encoding'] ?? '';
    const best = bodies.find(
      ({ coding }) => coding === 'identity' || new RegExp(`\\b${coding}\\b`).test(accepted),
    );
    if (best !== undefined && best.coding !== 'identity') void reply.header('content-encoding', best.coding);
    return reply.send(best?.body);
  });
  app.get('/favicon.ico', { schema: { hide: true } }, (_request, reply) => reply.code(204).send());
}
