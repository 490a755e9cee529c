import { debug, error, getInput, group, info, notice, setOutput, setSecret, warning } from '@actions/core';

/**
 * The runner's interface from @actions/core: inputs, outputs, masks, annotations, groups and log lines. log.ts
 * (redaction, multi-line masks, text that must not look like a workflow command, the limit of annotations) and
 * outcome.ts (outputs that contain a secret, sections that fit the summary) build on it. Tests pass their own runner.
 *
 * Not used: core.summary, which appends without a limit and only asynchronously, for which a cancelled job has no time
 * (see writeSummary in outcome.ts); and core.getIDToken, which neither cancels its request nor retries it after a lost
 * connection (see aws/oidc.ts).
 *
 * The functions are imported by name: the bundler drops core's unused exports, and getIDToken alone would pull in an
 * HTTP client that would account for half of an action's start-up time.
 */
export const actionsRunner = {
  getInput,
  setOutput,
  setSecret,
  debug,
  info,
  notice,
  warning,
  error,
  group,
};

export type Runner = typeof actionsRunner;
