import { expect, test } from '@jest/globals';
import { imageProblem } from '../../../../src/images/registry/image-problem.ts';

const DIGEST = `sha256:${'f'.repeat(64)}`;
const REPOSITORY = '111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/api';

test.each([
  'nginx',
  'nginx:1.27',
  'shop/api:1.2',
  `${REPOSITORY}:1.2`,
  `${REPOSITORY}@${DIGEST}`,
  `${REPOSITORY}:1.2@${DIGEST}`,
  'localhost:5000/api',
  'ghcr.io/org/app',
])('%s is an image', (image) => {
  expect(imageProblem(image)).toBeUndefined();
});

test.each([
  ['', /^expected an image such as \S+ or \S+$/],
  ['<IMAGE1_NAME>', /Replace the placeholder <IMAGE1_NAME>$/],
  ['$ECR_REGISTRY/api:$TAG', /Replace the placeholder \$ECR_REGISTRY$/],
  ['${REPOSITORY}:1', /Replace the placeholder \$\{REPOSITORY\}$/],
  ['{{ image }}', /Replace the placeholder \{\{ image \}\}$/],
  [`${REPOSITORY}:`, /The tag is empty$/],
  [`${REPOSITORY}@`, /The digest is empty$/],
  [`${REPOSITORY}:1 `, /without white space$/],
  ['my image', /without white space$/],
  ['https://ghcr.io/org/app:1', /without https:\/\/$/],
  ['ghcr.io/Org/App:1', /Repository names must be in lower case$/],
  [DIGEST, /A digest must follow the name of its repository$/],
  [`${REPOSITORY}@sha256:1234`, /^expected an image/],
])('%j is not an image', (image, problem) => {
  expect(imageProblem(image)).toMatch(problem);
});
