import type { Section } from './sections.ts';

/** What an action has to say when it is done. */
export interface Outcome {
  /** One of the action's verdicts. */
  verdict: string;
  ok: boolean;
  /** One line for a person. */
  reason: string;
  outputs: Record<string, string>;
  /** What the summary shows, for machines: plain JSON. */
  result: Record<string, unknown>;
  /** The parts of the job summary and of the pull request's comment, in Markdown. */
  summary?: readonly Section[];
}
