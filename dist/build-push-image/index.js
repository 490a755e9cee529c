import { actions } from '../shared/index.js';

await actions['build-push-image']();
