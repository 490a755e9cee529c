import { actions } from '../shared/index.js';

await actions['deploy-stack']();
