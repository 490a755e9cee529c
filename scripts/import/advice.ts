const COPILOT: readonly [pattern: RegExp, advice: string][] = [
  [
    /^environments\.[^.]+\.(?:image|http\.path|command|entrypoint|subscribe)\b/,
    'platform.yml has one value for all environments.',
  ],
  [
    /http\.(?:alias|hosted_zone)\b/,
    'Services are told apart by path. The host name is DomainName of templates/cluster.yml.',
  ],
  [/http\.additional_rules\b/, 'List all path patterns in paths, at most four.'],
  [/http\.stickiness\b/, 'The target groups have no sticky sessions.'],
  [/healthcheck\b/, 'templates/fargate.yml has fixed values. Change them in a template of your own.'],
  [/^(?:environments\.[^.]+\.)?nlb\b/, 'No template makes a network load balancer.'],
  [/^(?:environments\.[^.]+\.)?sidecars\b/, 'Add the container to a template of your own.'],
  [/storage\b/, 'Add the volume or the ephemeral storage to a template of your own.'],
  [/subscribe\.topics\b/, 'Subscribe the queue to the topic in a stack of your own.'],
  [/subscribe\b/, 'templates/queue.yml has no such value. Use a queue template of your own.'],
  [/publish\b/, 'Create the topic, and the permission to publish, in a stack of your own.'],
  [
    /security_groups\b|network\b/,
    'The tasks have the group of templates/security.yml and run in the private subnets.',
  ],
  [
    /cooldown\b|response_time\b/,
    'templates/fargate.yml has fixed cooldowns, and scales on CPU, memory, requests and messages.',
  ],
  [/\bretries\b|\btimeout\b/, 'A scheduled task that ran and failed is not repeated, and has no time limit.'],
  [
    /deployment\b/,
    'See the parameters Strategy, BakeMinutes and PauseBeforeTraffic of templates/fargate.yml.',
  ],
  [/secrets\b/, 'Only a name or an ARN in Parameter Store or Secrets Manager is taken over.'],
  [/variables\b/, 'Only a plain value is taken over, not one that is read when Copilot runs.'],
  [/env_file\b/, 'List the variables of the file in the manifest, then import it again.'],
  [/taskdef_overrides\b/, 'Make the change in a template of your own.'],
];

const TASK_DEFINITION: readonly [pattern: RegExp, advice: string][] = [
  [
    /RoleArn$/,
    'The template makes roles of its own. Copy the permissions of the task role to a template of your own.',
  ],
  [/portMappings/, 'Give the path patterns with --paths. A service without paths accepts no requests.'],
  [/logConfiguration/, 'The template makes a log group of its own and writes to it with awslogs.'],
  [/healthCheck/, 'templates/fargate.yml has fixed values. Change them in a template of your own.'],
  [/^(?:taskDefinition\.)?volumes|mountPoints|ephemeralStorage/, 'Add it to a template of your own.'],
  [/environmentFiles/, 'List the variables of the file in environment, then import it again.'],
];

const OTHERWISE =
  'Has no counterpart in platform.yml or in the template. Add it to a template of your own if you need it.';

function adviceIn(table: readonly [RegExp, string][], path: string): string {
  return table.find(([pattern]) => pattern.test(path))?.[1] ?? OTHERWISE;
}

/** Why a value of a Copilot manifest has no counterpart. */
export function copilotAdvice(path: string): string {
  return adviceIn(COPILOT, path);
}

/** Why a value of a task definition has no counterpart. */
export function taskDefinitionAdvice(path: string): string {
  return adviceIn(TASK_DEFINITION, path);
}
