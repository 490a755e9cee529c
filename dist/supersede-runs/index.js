import { actions } from '../shared/index.js';

await actions['supersede-runs']();
