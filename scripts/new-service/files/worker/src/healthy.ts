import { isHealthy } from './heartbeat.ts';

/** The health check of the container. It exits with 0 while the worker is running. */
process.exitCode = isHealthy(Date.now()) ? 0 : 1;
