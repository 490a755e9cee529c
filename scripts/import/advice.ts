const COPILOT: readonly [pattern: RegExp, advice: string][] = [
  [
    /^environments\.[^.]+\.(?:image|http\.path|command|entrypoint|subscribe)\b/,
    'platform.yml has one value for all environments.',
  ],
  [
    /http\.(?:alias|hosted_zone)\b/,
    'Services are distinguished by path. The host name is DomainName of templates/cluster.yml.',
  ],
  [/http\.additional_rules\b/, 'List all path patterns in paths, at most four.'],
  [/http\.stickiness\b/, 'The target groups have no sticky sessions.'],
  [/healthcheck\b/, 'templates/fargate.yml has fixed values. Change them in your own template.'],
  [/^(?:environments\.[^.]+\.)?nlb\b/, 'No template has a network load balancer.'],
  [/^(?:environments\.[^.]+\.)?sidecars\b/, 'Add the container to your own template.'],
  [/storage\b/, 'Add the volume or the ephemeral storage to your own template.'],
  [/subscribe\.topics\b/, 'Subscribe the queue to the topic in your own stack.'],
  [/subscribe\b/, 'templates/queue.yml has no such value. Use your own queue template.'],
  [/publish\b/, 'Create the topic and the permission to publish in your own stack.'],
  [
    /security_groups\b|network\b/,
    'The tasks use the security group of templates/security.yml and run in the private subnets.',
  ],
  [
    /cooldown\b|response_time\b/,
    'templates/fargate.yml has fixed cooldowns and scales on CPU, memory, requests and messages.',
  ],
  [/\bretries\b|\btimeout\b/, 'A failed scheduled task is not retried and has no timeout.'],
  [
    /deployment\b/,
    'See the parameters Strategy, BakeMinutes and PauseBeforeTraffic of templates/fargate.yml.',
  ],
  [/secrets\b/, 'Only a name or an ARN in Parameter Store or Secrets Manager is imported.'],
  [/variables\b/, 'Only a plain value is imported, not one that is read when Copilot runs.'],
  [/env_file\b/, 'List the variables of the file in the manifest, then import it again.'],
  [/taskdef_overrides\b/, 'Make the change in your own template.'],
];

const TASK_DEFINITION: readonly [pattern: RegExp, advice: string][] = [
  [
    /RoleArn$/,
    'The template creates its own roles. Copy the permissions of the task role to your own template.',
  ],
  [/portMappings/, 'Pass the path patterns with --paths. A service without paths gets no requests.'],
  [/logConfiguration/, 'The template creates its own log group and writes to it with awslogs.'],
  [/healthCheck/, 'templates/fargate.yml has fixed values. Change them in your own template.'],
  [/^(?:taskDefinition\.)?volumes|mountPoints|ephemeralStorage/, 'Add it to your own template.'],
  [/environmentFiles/, 'List the variables of the file in environment, then import it again.'],
];

const DEFAULT_ADVICE =
  'Has no counterpart in platform.yml or in the template. Add it to your own template if you need it.';

function adviceIn(table: readonly [RegExp, string][], path: string): string {
  return table.find(([pattern]) => pattern.test(path))?.[1] ?? DEFAULT_ADVICE;
}

/** Why a value of a Copilot manifest has no counterpart. */
export function copilotAdvice(path: string): string {
  return adviceIn(COPILOT, path);
}

/** Why a value of a task definition has no counterpart. */
export function taskDefinitionAdvice(path: string): string {
  return adviceIn(TASK_DEFINITION, path);
}
