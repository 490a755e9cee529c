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
 * Every AWS action that an action's code can call: the SDK's commands in the files that its entry imports, whatever a
 * run really calls.
 */
export function operationsOf(action: string): string[] {
  const files = reachable(join(ROOT, 'actions', action, 'main.ts'));
  return [...new Set(files.flatMap((file) => commandsIn(readFileSync(file, 'utf8'))))].sort();
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
