import type { Expectation } from '../../core/errors.ts';
import { parseReference } from './reference.ts';

const EXPECTED = 'expected an image such as ghcr.io/org/app:1.2 or repository@sha256:…';
const BARE_DIGEST = /^sha256:[0-9a-f]{64}$/;
/** The placeholders of task definitions in AWS's tutorials and starters, of shells, of GitHub and of templates. */
const PLACEHOLDER = /<[^<>]*>|\$\{[^{}]*\}|\{\{[^{}]*\}\}|\$\w+/;

/**
 * Why a text names no image that a task could pull; undefined for an image. ECS registers some of them, such as a path
 * in capital letters, and its tasks fail to start.
 *
 * @see https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-ecs-ecr-codedeploy.html `<IMAGE1_NAME>`
 */
export function imageProblem(text: string): Expectation | undefined {
  if (BARE_DIGEST.test(text)) return `${EXPECTED}. A digest needs the name of its repository`;
  if (parseReference(text) !== undefined) return undefined;
  const placeholder = PLACEHOLDER.exec(text)?.[0];
  if (placeholder !== undefined) return `${EXPECTED}. Replace the placeholder ${placeholder}`;
  if (text.trim() !== text || /\s/.test(text)) return `${EXPECTED}, without white space`;
  if (/[:@]$/.test(text)) return `${EXPECTED}. The ${text.endsWith(':') ? 'tag' : 'digest'} is empty`;
  if (/^https?:\/\//i.test(text)) return `${EXPECTED}, without ${text.slice(0, text.indexOf('//') + 2)}`;
  if (parseReference(text.toLowerCase()) !== undefined) {
    return `${EXPECTED}. The name of a repository is in lower case`;
  }
  return EXPECTED;
}
