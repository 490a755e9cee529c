/** A job in act's log. */
interface ActJob {
  /** Undefined if it has not ended. */
  result: string | undefined;
  /** Outputs of its steps by name, in order. */
  outputs: [name: string, value: string][];
  summaries: string[];
}

export interface ActReport {
  exitCode: number;
  /** The started jobs by name; in a called workflow `caller/workflow/job`. Skipped jobs are not in the log. */
  jobs: Record<string, ActJob>;
  /** The output of steps and of act. */
  log: string;
}

interface Entry {
  job?: string;
  step?: string;
  msg: string;
  jobResult?: string;
  command?: string;
  name?: string;
  arg?: string;
  content?: string;
}

/** Parses the log of `act --json`: one JSON object per line. */
export function readReport(exitCode: number, output: string): ActReport {
  const jobs: Record<string, ActJob> = {};
  const messages: string[] = [];
  for (const line of output.split('\n')) {
    if (!line.startsWith('{')) {
      messages.push(line);
      continue;
    }
    const entry = JSON.parse(line) as Entry;
    const name = entry.job?.trim() ?? '';
    messages.push(`[${name}] ${entry.msg.trimEnd()}`);
    if (entry.step !== undefined || entry.jobResult !== undefined) {
      note((jobs[name] ??= { result: undefined, outputs: [], summaries: [] }), entry);
    }
  }
  return { exitCode, jobs, log: messages.join('\n') };
}

function note(job: ActJob, { jobResult, command, name = '', arg = '', content = '' }: Entry): void {
  if (jobResult !== undefined) job.result = jobResult;
  if (command === 'set-output') job.outputs.push([name, arg]);
  if (command === 'summary') job.summaries.push(content);
}

/** By job: the verdicts of its steps, or the job's result if there are none. */
export function verdictsOf({ jobs }: ActReport): Record<string, string> {
  const entries = Object.entries(jobs).map(([name, { outputs, result }]) => {
    const verdicts = outputs.filter(([output]) => output === 'verdict').map(([, value]) => value);
    return [name, verdicts.length > 0 ? verdicts.join(', ') : (result ?? 'unfinished')];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}
