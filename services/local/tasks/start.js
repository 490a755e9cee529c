// `node services/local/tasks/start.js`: the entry point for other programs.
import { register } from 'tsx/esm/api';

register();
await import('./main.ts');
