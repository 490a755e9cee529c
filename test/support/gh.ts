import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../sandbox/index.ts';

/** A run that a command has started. */
export interface StartedByHand {
  workflow: string;
  inputs: Record<string, string>;
}

/**
 * A replacement for the GitHub CLI, as an administrator of the repository: `gh api` calls the sandbox, and `gh workflow
 * run` is recorded.
 *
 * https://cli.github.com/manual/gh_api: "GET normally and POST if any parameters were added".
 */
const GH = `
import { appendFileSync, readFileSync } from 'node:fs';
const [command, ...rest] = process.argv.slice(2);
const fields = {};
const given = {};
const paths = [];
for (let at = 0; at < rest.length; at++) {
  const word = rest[at];
  if (word === '-f') {
    const [name, value] = rest[++at].split(/=(.*)/s);
    fields[name] = value;
  } else if (word.startsWith('--')) given[word.slice(2)] = rest[++at];
  else paths.push(word);
}
const fail = (message) => { console.error('gh: ' + message); process.exit(1); };
if (command === 'workflow' && paths[0] === 'run') {
  appendFileSync(process.env.GH_RUNS, JSON.stringify({ workflow: paths[1], inputs: fields }) + '\\n');
} else if (command === 'api') {
  const hasFields = Object.keys(fields).length > 0;
  const body = given.input === '-' ? readFileSync(0, 'utf8') : hasFields ? JSON.stringify(fields) : undefined;
  const answer = await fetch(process.env.GITHUB_API_URL + '/' + paths[0], {
    method: given.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: 'Bearer ' + process.env.GH_TOKEN, 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
  });
  const text = await answer.text();
  if (!answer.ok) fail('HTTP ' + answer.status + ' ' + text);
  console.log(given.jq === undefined ? text : String(JSON.parse(text)[given.jq.slice(1)]));
} else fail('unknown command ' + command);
`;

export class GitHubCli {
  /** The environment variables with which a shell finds it. */
  readonly env: Record<string, string>;
  readonly folder: string;

  constructor(folder: string, sandbox: Sandbox, node: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'gh.mjs'), GH);
    writeFileSync(join(folder, 'gh'), `#!/bin/sh\nexec '${node}' '${join(folder, 'gh.mjs')}' "$@"\n`);
    chmodSync(join(folder, 'gh'), 0o755);
    const { GITHUB_API_URL = '' } = sandbox.env();
    this.env = { GITHUB_API_URL, GH_TOKEN: sandbox.tokens.user, GH_RUNS: join(folder, 'runs') };
  }

  /** The runs that were started since the last call. */
  takeRuns(): StartedByHand[] {
    const file = join(this.folder, 'runs');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    rmSync(file);
    return lines.map((line) => JSON.parse(line) as StartedByHand);
  }
}
