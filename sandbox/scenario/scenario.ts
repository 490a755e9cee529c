import { readFile } from 'node:fs/promises';
import { ecsScenario } from './ecs.ts';
import {
  anything,
  flag,
  fraction,
  listOf,
  mapOf,
  matching,
  object,
  oneOf,
  positive,
  text,
  type TypeOf,
  whole,
} from './shape.ts';

const finding = object(
  {
    name: text,
    severity: oneOf('CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED'),
  },
  { description: text, uri: text, package: text, version: text, fixedIn: text },
);

const scan = object(
  {},
  {
    /** The name of the repository. Default: all. */
    repository: text,
    /** The final status of the scan. Default: COMPLETE. */
    status: oneOf('COMPLETE', 'FAILED', 'UNSUPPORTED_IMAGE', 'IN_PROGRESS', 'FINDINGS_UNAVAILABLE'),
    description: text,
    /** The duration in simulated seconds. */
    seconds: whole,
    /** Findings in the format of Inspector. */
    enhanced: flag,
    findings: listOf(finding),
  },
);

/** A manifest that a registry accepts but does not store correctly. */
const lie = object(
  {
    /** `drop`: stores nothing. `move`: another push takes the tag. `hide`: the next reads do not find it. */
    does: oneOf('drop', 'move', 'hide'),
  },
  {
    /** The name of the repository. Default: all. */
    repository: text,
    /** The tag or digest of the manifest, with `*` for any text. Default: all. */
    reference: text,
    /** How many reads do not find what is hidden. Default: 1. */
    reads: positive,
    /** How many manifests of a repository are affected. Default: all. */
    times: positive,
  },
);

/** The ECR section of a scenario. */
const ecrScenario = object(
  {},
  {
    /** Another registry that holds the images, such as http://127.0.0.1:5000. The sandbox then only issues tokens. */
    registry: text,
    /** The first rule that matches an image determines the findings of its scan. */
    scans: listOf(scan),
    /** The first rule that matches a pushed manifest applies. */
    lies: listOf(lie),
  },
);

export type ScanRule = TypeOf<typeof scan>;
export type LieRule = TypeOf<typeof lie>;
export type FindingRule = TypeOf<typeof finding>;

/** The CloudWatch section of a scenario. */
const cloudWatchScenario = object(
  {},
  {
    /** Alarms that exist in every account, and the initial states of those in templates. */
    alarms: listOf(
      object({ name: text, state: oneOf('OK', 'ALARM', 'INSUFFICIENT_DATA') }, { reason: text }),
    ),
  },
);

const account = matching(/^\d{12}$/, 'an account id of 12 digits, in quotes');
const roleArn = matching(/^arn:[^:]+:iam::\d{12}:role\/.+$/, 'the ARN of a role');

const fault = object(
  { kind: oneOf('throttle', 'error', 'reset', 'delay', 'malformed', 'status') },
  {
    /** The affected calls. Default: all. */
    service: text,
    operation: text,
    account,
    /** The first of the matching calls that is affected, from 1, and how many are. */
    nth: positive,
    times: positive,
    /** Affects each matching call with this probability, without end unless `times` is set. */
    probability: fraction,
    status: whole,
    code: text,
    message: text,
    delayMs: whole,
    /** The call is applied first; then its response is lost or delayed. */
    after: flag,
  },
);

/** Calls with a token bucket: one per account and region. */
const bucket = object(
  {
    /** As in the credential scope: ecs, ssm, elasticloadbalancing. */
    service: text,
    /** The size of the bucket. */
    size: positive,
    /** Tokens that are added per second of the wall clock. */
    refill: positive,
  },
  {
    /** Names of operations, or prefixes with `*`. Default: all of the service. */
    operations: listOf(text),
    /** Each of the operations has its own bucket. By default they share one. */
    each: flag,
    /** Default: every account and region. */
    account,
    region: text,
  },
);

/** Rate limits of AWS. */
const rates = object(
  {},
  {
    /** `aws`: the default limits of an account. */
    preset: oneOf('aws'),
    /** Before those of the preset. The first rule that a call matches applies. */
    buckets: listOf(bucket),
  },
);

const resource = object(
  {
    match: object({}, { type: text, logicalId: text, stack: text }),
    on: oneOf('create', 'update', 'delete', 'rollback'),
  },
  {
    fail: object({ message: text }, { code: text, times: positive }),
    /** In simulated seconds. */
    seconds: whole,
    physicalId: text,
    /** For an update: CloudFormation skips the resource, without an event, and completes anyway. */
    omit: flag,
  },
);

/** A hook that fails every invocation. */
const hook = object(
  { name: text, target: oneOf('CHANGE_SET', 'RESOURCE'), reason: text },
  {
    match: object({}, { type: text, logicalId: text, stack: text }),
    /** Default: FAIL. */
    mode: oneOf('FAIL', 'WARN'),
    annotations: listOf(
      object(
        { name: text, status: oneOf('FAILED', 'PASSED', 'SKIPPED') },
        { message: text, remedy: text, link: text, severity: text },
      ),
    ),
  },
);

const drift = object({ stack: text, logicalId: text }, { set: mapOf(anything), delete: flag });

const github = object(
  {},
  {
    /** The single repository. */
    repository: matching(/^[^/]+\/[^/]+$/, 'owner/name'),
    /** The owner of the personal access token, who also started the runs. */
    user: text,
    /** More tokens and their owners. `…[bot]` is an installation. */
    tokens: mapOf(text),
    /** The number of requests of the token in a window of real seconds (3600), and the status of an error (403). */
    rateLimit: object({ limit: whole }, { windowSeconds: positive, status: oneOf('403', '429') }),
    comments: listOf(object({ issue: whole, body: text }, { user: text })),
    pulls: listOf(
      object(
        { number: whole },
        { title: text, state: oneOf('open', 'closed'), head: text, base: text, sha: text, fork: flag },
      ),
    ),
    /** `pending` lists the environments that wait for an approval. */
    runs: listOf(
      object(
        { id: whole },
        {
          attempt: whole,
          event: text,
          branch: text,
          sha: text,
          pending: listOf(text),
          /** Who started the run. Default: `user`. */
          actor: text,
          /** Who started the attempt. For a re-run, who requested it. Default: the actor. */
          triggeringActor: text,
        },
      ),
    ),
    approvals: listOf(
      object(
        { run: whole, user: text, environments: listOf(text) },
        { state: oneOf('approved', 'rejected'), comment: text },
      ),
    ),
    environments: listOf(
      object(
        { name: text },
        {
          reviewers: listOf(text),
          waitMinutes: whole,
          /** Patterns of the refs that may deploy to it. Default: all may. */
          branches: listOf(text),
          /** "Protected branches only". */
          protectedBranches: flag,
          preventSelfReview: flag,
          adminsBypass: flag,
        },
      ),
    ),
    branches: listOf(object({ name: text }, { protection: oneOf('rule', 'ruleset') })),
    /** The repository's commits, each after its parents. Without `parents`, the parent is the previous one. */
    commits: listOf(
      object(
        { sha: text },
        {
          parents: listOf(text),
          message: text,
          /** A login, or `name <address>` for an author whose address belongs to no account. */
          author: text,
          /** Like the author, which is the default. web-flow is GitHub itself. */
          committer: text,
          coAuthors: listOf(text),
          /** Signed with GitHub's own key, like commits created on github.com. */
          signed: flag,
          /** The changed files. */
          files: listOf(text),
        },
      ),
    ),
    /** The teams of the organization that owns the repository. Members of a team are also members of its parents. */
    teams: listOf(object({ slug: text, members: listOf(text) }, { parent: text, invited: listOf(text) })),
  },
);

/** A scenario. */
const scenario = object(
  {},
  {
    /** Simulated seconds per real second. */
    timeScale: positive,
    /** The seed of ids and of random faults. */
    seed: whole,
    faults: listOf(fault),
    /** Default: calls are never throttled. */
    rates,
    /** What CloudFormation does with matching resources. */
    resources: listOf(resource),
    /** Failing hooks. */
    hooks: listOf(hook),
    /** Manual changes, outside of CloudFormation. */
    drift: listOf(drift),
    /** Without an account or a region: in all. */
    parameters: listOf(object({ name: text, value: text }, { account, region: text, type: text })),
    /** Features that an AWS-compatible endpoint may lack. */
    features: object(
      {},
      {
        describeEvents: flag,
        lastOperations: flag,
        eventTokens: flag,
        propertyValues: flag,
        revertDrift: flag,
        express: flag,
        /** How many reads after the execution of a change set return the previous status of the stack. */
        staleReads: whole,
        /** How many reads of a new nested stack's events do not find it. */
        hiddenNestedReads: whole,
        /** Property values have the warning that they are incomplete, and a change is missing. */
        incompleteValues: flag,
      },
    ),
    /** Stacks that exist at the start, created immediately and in order. The template is a file. */
    stacks: listOf(
      object(
        { account, name: text, template: text },
        { region: text, parameters: mapOf(text), tags: mapOf(text) },
      ),
    ),
    /** A role with policies has their permissions, within its boundary; one without has every permission. */
    roles: listOf(
      object(
        { arn: roleArn, trust: mapOf(anything) },
        {
          maxSessionSeconds: positive,
          /** Documents by name. */
          policies: mapOf(mapOf(anything)),
          boundary: mapOf(anything),
          tags: mapOf(text),
        },
      ),
    ),
    /** ARNs of roles and secrets that do not exist, although a task definition refers to them. */
    missing: listOf(matching(/^arn:[^:]+:(?:iam|secretsmanager):/, 'the ARN of a role or of a secret')),
    /** Claims of the identity tokens that differ from the defaults. */
    claims: mapOf(text),
    /** Values of quotas that differ from AWS's defaults, by code. */
    quotas: mapOf(whole),
    /** How many resources of a type each account and region has that no stack of the sandbox has created. */
    unmanaged: mapOf(whole),
    /** Hosted zones; without any, those of the reference platform's environments. */
    zones: listOf(object({ account, id: text, name: text }, { private: flag })),
    /** Hosted zones and certificates that the scenario does not name exist, and may not be read. */
    assumesDomains: flag,
    /** Certificates that no stack has created. They are issued, unless they have another status. */
    certificates: listOf(
      object(
        { arn: matching(/^arn:[^:]+:acm:/, 'the ARN of a certificate'), names: listOf(text) },
        {
          status: oneOf(
            'PENDING_VALIDATION',
            'ISSUED',
            'INACTIVE',
            'EXPIRED',
            'VALIDATION_TIMED_OUT',
            'REVOKED',
            'FAILED',
          ),
        },
      ),
    ),
    ecr: ecrScenario,
    ecs: ecsScenario,
    cloudwatch: cloudWatchScenario,
    github,
  },
);

export type Scenario = TypeOf<typeof scenario>;
export type ExistingStack = NonNullable<Scenario['stacks']>[number];
export type FaultRule = TypeOf<typeof fault>;
export type RateScenario = TypeOf<typeof rates>;
export type BucketRule = TypeOf<typeof bucket>;
export type ResourceRule = TypeOf<typeof resource>;
export type HookRule = TypeOf<typeof hook>;
export type GitHubScenario = TypeOf<typeof github>;

/** Validates a scenario. A ShapeError names the first error. */
export function checkScenario(value: unknown): Scenario {
  return scenario(value, 'scenario');
}

/** Validates a fault rule. */
export function checkFault(value: unknown): FaultRule {
  return fault(value, 'fault');
}

/** Reads a scenario from a YAML file or an object. */
export async function readScenario(source: unknown): Promise<Scenario> {
  if (typeof source !== 'string') return checkScenario(source ?? {});
  const { parse } = await import('yaml');
  return checkScenario(parse(await readFile(source, 'utf8')) ?? {});
}
