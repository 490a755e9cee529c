import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** IAM's name for the service of a client. */
const PREFIXES: Record<string, string> = {
  cloudformation: 'cloudformation',
  cloudwatch: 'cloudwatch',
  'cloudwatch-logs': 'logs',
  ecr: 'ecr',
  ecs: 'ecs',
  'elastic-load-balancing-v2': 'elasticloadbalancing',
  iam: 'iam',
  s3: 's3',
  'secrets-manager': 'secretsmanager',
  'service-quotas': 'servicequotas',
  ssm: 'ssm',
  sts: 'sts',
};

/**
 * Every AWS action that an action's code can call: the SDK's commands and the calls without one in the files that its entry
 * imports, whatever a run really calls.
 */
export function operationsOf(action: string): string[] {
  const files = reachable(join(ROOT, 'actions', action, 'main.ts'));
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  return [...new Set(texts.flatMap((text) => [...commandsIn(text), ...signedCallsIn(text)]))].sort();
}

/** See src/aws/signed/call.ts. */
function signedCallsIn(text: string): string[] {
  const service = /= \{ name: '(\w+)', client: '\w+', variable: '\w+' \}/.exec(text)?.[1];
  if (service === undefined) return [];
  return [...text.matchAll(/'((?:Describe|Get|List)[A-Z]\w+)'/g)].map(
    ([, operation = '']) => `${service}:${operation}`,
  );
}

/** The files of this repository that a file loads, at its start or later: its imports, except types. */
function reachable(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    if (!existsSync(file)) throw new Error(`${relative(ROOT, file)} is imported and does not exist`);
    seen.add(file);
    const text = readFileSync(file, 'utf8').replaceAll(/^import type [^']*'[^']+'/gm, '');
    const imports = text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
    for (const [, path = ''] of imports) visit(resolve(dirname(file), path));
  };
  visit(entry);
  return [...seen];
}

function commandsIn(text: string): string[] {
  const imports = text.matchAll(/\{([^{}]*)\}\s*(?:from|=\s*await import\()\s*'@aws-sdk\/client-([\w-]+)'/g);
  return [...imports].flatMap(([, names = '', client = '']) => {
    const prefix = PREFIXES[client];
    if (prefix === undefined) throw new Error(`it is not known what IAM calls the service of ${client}`);
    return [...names.matchAll(/\b(\w+)Command\b/g)].map(([, operation = '']) => `${prefix}:${operation}`);
  });
}
