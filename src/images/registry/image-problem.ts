import type { Expectation } from '../../core/errors.ts';
import { parseReference } from './reference.ts';

const EXPECTED = 'expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…';
const BARE_DIGEST = /^sha256:[0-9a-f]{64}$/;
/** Placeholders in task definitions of AWS tutorials, in shells, in GitHub workflows and in templates. */
const PLACEHOLDER = /<[^<>]*>|\$\{[^{}]*\}|\{\{[^{}]*\}\}|\$\w+/;

/**
 * Why a text is not an image that a task can pull; undefined for a valid image. ECS accepts some invalid ones when a
 * revision is registered, such as a path in upper case, but then its tasks fail to start.
 *
 * @see https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-ecs-ecr-codedeploy.html `<IMAGE1_NAME>`
 */
export function imageProblem(text: string): Expectation | undefined {
  if (BARE_DIGEST.test(text)) return `${EXPECTED}. A digest must follow the name of its repository`;
  if (parseReference(text) !== undefined) return undefined;
  const placeholder = PLACEHOLDER.exec(text)?.[0];
  if (placeholder !== undefined) return `${EXPECTED}. Replace the placeholder ${placeholder}`;
  if (text.trim() !== text || /\s/.test(text)) return `${EXPECTED}, without white space`;
  if (/[:@]$/.test(text)) return `${EXPECTED}. The ${text.endsWith(':') ? 'tag' : 'digest'} is empty`;
  if (/^https?:\/\//i.test(text)) return `${EXPECTED}, without ${text.slice(0, text.indexOf('//') + 2)}`;
  if (parseReference(text.toLowerCase()) !== undefined) {
    return `${EXPECTED}. Repository names must be in lower case`;
  }
  return EXPECTED;
}
