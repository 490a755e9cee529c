import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CallLog } from './server/calls.ts';
import { trackCalls } from './server/open-logs.ts';
import { accessKey } from './iam/credentials.ts';
import { type BeforeCall, CallHandler, Faults } from './server/exchange.ts';
import { GitHubEndpoint } from './github/endpoint.ts';
import { gitHubState } from './github/state.ts';
import { GITHUB_TOKENS, type GitHubTokens, newJobToken, type Permissions } from './github/tokens.ts';
import { type Claims, defaultClaims, type JobClaims, OIDC_REQUEST_TOKEN, oidcEndpoint } from './iam/oidc.ts';
import { objectStore } from './s3/object-store.ts';
import type { ObjectStore } from './s3/object-store.ts';
import { openRealRoutes } from './ecs/tasks/real-routes.ts';
import { requireServices } from './ecs/tasks/task-host.ts';
import { registryEndpoints } from './registry/endpoint.ts';
import { TokenRegistry, type TokenRegistryOptions, tokenRegistriesOf } from './registry/token-registry.ts';
import { readScenario } from './scenario/scenario.ts';
import type { Timer } from './clock.ts';
import type { FaultRule, RateScenario, Scenario } from './scenario/scenario.ts';
import { Rates } from './server/rates.ts';
import { listen } from './server/server.ts';
import { SLACK_WEBHOOKS, slackEndpoint } from './slack/endpoint.ts';
import { DEFAULT_REGION, World } from './world.ts';

export type { FaultRule, Scenario } from './scenario/scenario.ts';

export interface SandboxOptions {
  /** Default: a free port. */
  port?: number;
  /** Simulated seconds per real second. Default: that of the scenario, otherwise 100. */
  timeScale?: number;
  /** The timer. Default: the wall clock. */
  timer?: Timer;
  /** An object, or a YAML file. */
  scenario?: Scenario | string;
  /** A folder for data that outlives the process. The log of calls is calls.jsonl in it. */
  dataDir?: string;
  /** Prints each call to stderr. */
  log?: boolean;
  /** The ids of the accounts. The first is the default of `env`. */
  accounts?: string[];
  /** Gives a resource the same id in each sandbox that has it, whatever else exists there. */
  stableIds?: boolean;
}

export interface Sandbox {
  /** The value of AWS_ENDPOINT_URL. */
  url: string;
  githubUrl: string;
  /** The value of ACTIONS_ID_TOKEN_REQUEST_URL. */
  oidcUrl: string;
  /** An incoming webhook of Slack. */
  webhookUrl: string;
  /** The claims of future tokens. Tests may set or delete any. */
  claims: Claims;
  /** The tokens that GitHub accepts. */
  tokens: GitHubTokens;
  calls: CallLog;
  world: World;
  /** The environment variables with which a process uses the sandbox instead of AWS and GitHub. */
  env(account?: string): Record<string, string>;
  /**
   * The environment variables of a job, with its own tokens: they have its permissions, and its identity tokens have
   * these claims. It has no AWS keys.
   */
  jobEnv(job: { permissions: Permissions; claims: Claims }): Record<string, string>;
  /** S3 as an account sees it, for preparation without the API. */
  objects(account: string): ObjectStore;
  /** Throws a ShapeError for an invalid rule. */
  addFault(rule: FaultRule): void;
  /** Replaces the scenario's rates from now on: a world is prepared faster than AWS allows calls. */
  limitRates(rates: RateScenario): void;
  /** Runs something before calls are applied: each call waits for the promise. */
  beforeCalls(hook: BeforeCall | undefined): void;
  /** Starts another registry, from which tasks can also pull. It closes with the sandbox. */
  openRegistry(options?: TokenRegistryOptions): Promise<TokenRegistry>;
  /** Throws the errors of background work. May be called repeatedly. */
  close(): Promise<void>;
}

/** Starts a separate AWS and GitHub on 127.0.0.1. Throws a ShapeError for an invalid scenario. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const scenario = await readScenario(options.scenario);
  const world = new World({ ...options, scenario });
  // Before listening, because a contradictory scenario is a start error.
  const gitHub = gitHubState(world);
  const services = scenario.ecs?.tasks === 'real' ? await readyForRealTasks(world) : undefined;
  if (scenario.stacks !== undefined) {
    const { createExistingStacks } = await import('./cloudformation/existing-stacks.ts');
    await createExistingStacks(world);
  }
  const calls = new CallLog(logTargets(options));
  const rates = new Rates(scenario.rates ?? {}, () => world.clock.now().getTime());
  const faults = new Faults(scenario.faults ?? [], scenario.seed ?? 1);
  const answering = new CallHandler(world.clock, rates, faults, calls);
  const claims: Claims = defaultClaims(world);
  const jobs: JobClaims = new Map();
  const server = await listen(
    world,
    answering,
    (base) => ({
      github: new GitHubEndpoint(world, `${base}/github`),
      oidc: oidcEndpoint(world, claims, jobs),
      slack: slackEndpoint(world),
      ...registryEndpoints(world, base),
    }),
    options.port ?? 0,
  );
  const { url } = server;
  const servers = [server];
  const forgetCalls = trackCalls(url, calls);
  let closing: Promise<void> | undefined;
  const githubUrl = `${url}/github`;
  const oidcUrl = `${url}/oidc/token?api-version=2.0`;
  const gitHubUrls = {
    GITHUB_REPOSITORY: gitHub.repository,
    GITHUB_API_URL: githubUrl,
    GITHUB_GRAPHQL_URL: `${githubUrl}/graphql`,
    GITHUB_SERVER_URL: githubUrl,
  };
  return {
    url,
    githubUrl,
    oidcUrl,
    webhookUrl: `${url}${SLACK_WEBHOOKS.working}`,
    claims,
    tokens: GITHUB_TOKENS,
    calls,
    world,
    env: (account = world.accounts[0] ?? '') => ({
      ...awsEnvironment(url, world, account),
      // Real tasks are reachable below it, at /account/cluster/service.
      ...(services !== undefined && { SANDBOX_SERVICES_URL: services }),
      ...gitHubUrls,
      GITHUB_TOKEN: GITHUB_TOKENS.installation,
      ACTIONS_ID_TOKEN_REQUEST_URL: oidcUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: OIDC_REQUEST_TOKEN,
    }),
    jobEnv: ({ permissions, claims: jobClaims }) => {
      const requestToken = `${OIDC_REQUEST_TOKEN}-${jobs.size + 1}`;
      jobs.set(requestToken, jobClaims);
      return {
        AWS_ENDPOINT_URL: url,
        ...gitHubUrls,
        GITHUB_TOKEN: newJobToken(world, permissions),
        ...(permissions['id-token'] === 'write' && {
          ACTIONS_ID_TOKEN_REQUEST_URL: oidcUrl,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
        }),
      };
    },
    objects: (account) => objectStore(world, account),
    addFault: (rule) => {
      faults.add(rule);
    },
    limitRates: (limits) => {
      rates.replace(limits);
    },
    beforeCalls: (hook) => {
      answering.beforeCall = hook;
    },
    openRegistry: async (registryOptions = {}) => {
      const registry = new TokenRegistry(world, registryOptions);
      servers.push(await listen(world, answering, (base) => registry.endpoints(base), 0));
      tokenRegistriesOf(world).set(registry.host, registry);
      return registry;
    },
    close: () => {
      forgetCalls();
      return (closing ??= Promise.all(servers.map((one) => one.close())).then(() => world.close()));
    },
  };
}

/** Starts to listen for real tasks. Throws if the reference services cannot run here. */
async function readyForRealTasks(world: World): Promise<string> {
  requireServices();
  return openRealRoutes(world);
}

function awsEnvironment(url: string, world: World, account: string): Record<string, string> {
  if (!world.accounts.includes(account)) {
    throw new Error(`account: expected one of ${world.accounts.join(', ')}, got "${account}"`);
  }
  const { accessKeyId, secretAccessKey } = accessKey(account);
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: DEFAULT_REGION,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
}

function logTargets({ dataDir, log }: SandboxOptions): ConstructorParameters<typeof CallLog>[0] {
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true });
  return {
    ...(dataDir !== undefined && { file: join(dataDir, 'calls.jsonl') }),
    ...(log && { write: (line: string) => process.stderr.write(`${line}\n`) }),
  };
}
