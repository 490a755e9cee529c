// `node services/local/tasks/start.js`: the entry for other programs, which need to know nothing of how it is written.
import { register } from 'tsx/esm/api';

register();
await import('./main.ts');
