import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResolvedTemplate } from '../../../scripts/templates/resolve.ts';
import type { Json } from '../../../scripts/templates/template.ts';
import type { Finding } from '../finding.ts';
import { packageFolder } from './install.ts';

const PLATFORMS: Record<string, string> = { linux: 'ubuntu', darwin: 'macos' };
const ARCHITECTURES: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64' };

interface RuleFile {
  path: string;
  types: string[];
}

/** The part of cfn-guard's output that is used here. */
interface Answer {
  not_compliant: { Rule: { name: string; checks: Json[] } }[];
  not_applicable: string[];
  compliant: string[];
}

/**
 * Runs AWS Control Tower's proactive controls on resolved templates. A rule file is skipped only if the template has no
 * resource of a type in it.
 * @throws Error when cfn-guard fails, or has not judged every rule it was given.
 */
export async function checkControls(
  subjects: { environment: string; template: ResolvedTemplate }[],
): Promise<Finding[]> {
  const rules = readRules();
  const folder = mkdtempSync(join(tmpdir(), 'control-tower-'));
  const queue = subjects.map((subject, index) => ({ ...subject, file: join(folder, `${index}.json`) }));
  const findings: Finding[] = [];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      findings.push(...(await check(next.environment, next.template, next.file, rules)));
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return findings;
}

function readRules(): RuleFile[] {
  const folder = join(packageFolder('@cdklabs/cdk-validator-cfnguard'), 'rules/control-tower/cfn-guard');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.guard'))
    .map((name) => {
      const path = join(folder, name);
      const types = readFileSync(path, 'utf8').match(/AWS::\w+::\w+/g) ?? [];
      return { path, types: [...new Set(types)] };
    });
}

async function check(
  environment: string,
  template: ResolvedTemplate,
  file: string,
  rules: RuleFile[],
): Promise<Finding[]> {
  const present = new Set(Object.values(template.resources).map(({ Type }) => Type));
  const paths = rules.filter(({ types }) => types.some((type) => present.has(type))).map(({ path }) => path);
  if (paths.length === 0) return [];
  const document = {
    AWSTemplateFormatVersion: '2010-09-09',
    Resources: asGuardReads(template.resources as unknown as Json),
  };
  writeFileSync(file, JSON.stringify(document));
  const [answer] = await runGuard(file, paths);
  if (!answer) throw new Error(`${environment} ${template.name}: cfn-guard said nothing`);
  const judged = answer.not_compliant.length + answer.not_applicable.length + answer.compliant.length;
  if (judged < paths.length)
    throw new Error(`${environment} ${template.name}: only ${judged} rules were judged`);
  return answer.not_compliant.flatMap(({ Rule }) => failures(Rule.checks, environment, template.name));
}

async function runGuard(file: string, rules: string[]): Promise<Answer[]> {
  const platform = PLATFORMS[process.platform];
  const architecture = ARCHITECTURES[process.arch];
  if (!platform || !architecture) throw new Error(`cfn-guard has no binary for ${process.platform}`);
  const folder = packageFolder('@cdklabs/cdk-validator-cfnguard');
  const binary = join(folder, 'bin', platform, architecture, 'cfn-guard');
  const args = ['validate', '--structured', '-o', 'json', '-S', 'none', '-d', file, '-r', ...rules];
  return new Promise((resolve, reject) => {
    execFile(binary, args, { maxBuffer: 1e9 }, (error, stdout, stderr) => {
      // 19: some rule failed. Everything else is a failure of cfn-guard.
      if (error && error.code !== 19) reject(new Error(`cfn-guard: ${stderr || error.message}`));
      else resolve(JSON.parse(stdout) as Answer[]);
    });
  });
}

/** One finding per control and resource: the messages contain `[CT.RDS.PR.3]`, the checks below contain the path. */
function failures(checks: Json[], environment: string, template: string): Finding[] {
  const text = JSON.stringify(checks);
  const [, control = 'unknown', what = ''] = /\[(CT[\w.]+)\]: ([^\\"]*)/.exec(text) ?? [];
  const resources = [...text.matchAll(/\/Resources\/(\w+)/g)].map((match) => match[1] ?? '');
  return [...new Set(resources)].map((resource) => ({
    tool: 'control-tower',
    rule: control,
    template,
    environment,
    resource,
    message: what.trim(),
  }));
}

/**
 * CloudFormation accepts 'true' as true, and two ways to join an ARN and a path; the rules support one of each. The
 * conditions of a policy are strings in IAM too.
 */
function asGuardReads(value: Json): Json {
  if (value === 'true' || value === 'false') return value === 'true';
  if (Array.isArray(value)) return value.map(asGuardReads);
  if (value === null || typeof value !== 'object') return value;
  const sub = value['Fn::Sub'];
  const object = typeof sub === 'string' ? /^\$\{(\w+)\.Arn\}\/\*$/.exec(sub) : null;
  if (object) return { 'Fn::Join': ['', [{ 'Fn::GetAtt': [object[1] ?? '', 'Arn'] }, '/*']] };
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, key === 'Condition' ? item : asGuardReads(item)]),
  );
}
