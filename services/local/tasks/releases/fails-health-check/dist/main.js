// A release without the health check path that the load balancer uses.
import { subscribe } from 'node:diagnostics_channel';

subscribe('http.server.request.start', ({ request }) => {
  request.url = request.url.replace(/\/health$/, '/health-is-elsewhere-now');
});

await import('./released.js');
