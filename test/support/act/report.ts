/** What act says of a job. */
interface ActJob {
  /** Undefined for one that has not ended. */
  result: string | undefined;
  /** Outputs of its steps, by name, in the order they were set. */
  outputs: [name: string, value: string][];
  summaries: string[];
}

export interface ActReport {
  exitCode: number;
  /** Of the jobs that were begun, by name; of a called workflow `caller/workflow/job`. Skipped jobs are not told. */
  jobs: Record<string, ActJob>;
  /** What steps printed, and what act said. */
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

/** Reads the log of `act --json`: a JSON object a line. */
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

/** By job: the verdicts of its steps that have one, or the job's result where none has. */
export function verdictsOf({ jobs }: ActReport): Record<string, string> {
  const entries = Object.entries(jobs).map(([name, { outputs, result }]) => {
    const verdicts = outputs.filter(([output]) => output === 'verdict').map(([, value]) => value);
    return [name, verdicts.length > 0 ? verdicts.join(', ') : (result ?? 'unfinished')];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}
