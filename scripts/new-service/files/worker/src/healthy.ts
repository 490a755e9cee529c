import { isHealthy } from './heartbeat.ts';

/** The health check of the container: exits with 0 while the worker works. */
process.exitCode = isHealthy(Date.now()) ? 0 : 1;
