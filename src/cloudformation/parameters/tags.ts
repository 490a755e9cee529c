import type { Expectation, FileLine } from '../../core/errors.ts';
import type { ParameterFiles } from './files.ts';
import { trafficRules } from '../template/traffic-rules.ts';

/** A tag of a stack. */
export interface GivenTag {
  value: string;
  /** The line that gives it; absent for an input. */
  at?: FileLine;
}

/** The tags of parameter files, and those of the input, which override them. */
export function givenTags(
  files: ParameterFiles['tags'],
  input: Readonly<Record<string, string>>,
): Record<string, GivenTag> {
  const ofFiles = Object.entries(files).map(([key, { value, ...at }]) => [key, { value, at }] as const);
  const ofInput = Object.entries(input).map(([key, value]) => [key, { value }] as const);
  return Object.fromEntries<GivenTag>([...ofFiles, ...ofInput]);
}

/** A tag that cannot be used, or too many of them. */
interface TagProblem {
  /** What is shown as the value; empty where nothing is. */
  shown: string;
  expected: Expectation;
  at?: FileLine | undefined;
}

const MOST_TAGS = 50;
const MOST_OF_KEY = 128;
const MOST_OF_VALUE = 256;

/**
 * The first of a stack's tags that CloudFormation would refuse, or that would move traffic. Undefined when all can be used.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
 */
export function tagProblem(
  tags: Readonly<Record<string, GivenTag>>,
  template: string | undefined,
): TagProblem | undefined {
  const count = Object.keys(tags).length;
  if (count > MOST_TAGS) return { shown: '', expected: `expected at most ${MOST_TAGS} tags, got ${count}` };
  for (const [key, { value, at }] of Object.entries(tags)) {
    if (key === '' || key.length > MOST_OF_KEY || key.toLowerCase().startsWith('aws:')) {
      const expected =
        `expected keys of 1 to ${MOST_OF_KEY} characters that do not start with "aws:"` as const;
      return { shown: key, expected, at };
    }
    if (value.length > MOST_OF_VALUE) {
      const expected =
        `expected a value of at most ${MOST_OF_VALUE} characters for ${key}, got ${value.length}` as const;
      return { shown: '', expected, at };
    }
  }
  return runSpecificTag(tags, template);
}

/** A commit or a time, which is different in every run. */
const RUN_SPECIFIC = /\b[0-9a-f]{40}\b|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/;

/**
 * The first tag that is different in every run, if ECS shifts traffic with a rule of the template. CloudFormation propagates
 * stack tags to the rules, and writes a rule whose tags change with the template's weights. Such a stack could not be
 * updated without moving its traffic.
 */
function runSpecificTag(
  tags: Readonly<Record<string, GivenTag>>,
  template: string | undefined,
): TagProblem | undefined {
  const found = Object.entries(tags).find(([, { value }]) => RUN_SPECIFIC.test(value));
  const [rule] = found ? trafficRules(template) : [];
  if (!found || rule === undefined) return undefined;
  const [key, { value, at }] = found;
  const expected =
    `expected values that are the same in every run: ECS shifts traffic with ${rule}, and a changed tag resets it to the template's weights` as const;
  return { shown: `${key}=${value}`, expected, at };
}
