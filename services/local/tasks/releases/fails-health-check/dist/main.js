// A release that has given up its health check's address, and nobody has told the load balancer.
import { subscribe } from 'node:diagnostics_channel';

subscribe('http.server.request.start', ({ request }) => {
  request.url = request.url.replace(/\/health$/, '/health-is-elsewhere-now');
});

await import('./released.js');
