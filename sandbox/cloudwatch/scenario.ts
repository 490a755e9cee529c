import { listOf, object, oneOf, text } from '../shape.ts';

/** What a scenario may say of CloudWatch. */
export const cloudWatchScenario = object(
  {},
  {
    /** Alarms that exist in every account, and the states in which those of templates begin. */
    alarms: listOf(
      object({ name: text, state: oneOf('OK', 'ALARM', 'INSUFFICIENT_DATA') }, { reason: text }),
    ),
  },
);
