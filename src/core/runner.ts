import { debug, error, getInput, group, info, notice, setOutput, setSecret, warning } from '@actions/core';

/**
 * The runner, by @actions/core: inputs, outputs, masks, annotations, groups and lines of the log. On top of it are
 * log.ts (redaction, masks of several lines, text that must not look like a command, the limit of annotations) and
 * outcome.ts (outputs that hold a secret, sections that fit the summary). Tests give a runner of their own.
 *
 * What it does not do here: the summary, which core.summary appends without a limit, and only after the process has
 * had time to wait for it, which a cancelled job has not (writeSummary in outcome.ts); and the OIDC token, whose
 * request core.getIDToken neither cancels nor repeats after a lost connection (aws/oidc.ts).
 *
 * By name, not as a whole: the bundler leaves out core's exports that nobody imports, and with getIDToken an HTTP
 * client that would be half of an action's start-up.
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
