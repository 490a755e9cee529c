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
    /** The name of the repository; without it, all. */
    repository: text,
    /** How the scan ends; COMPLETE by default. */
    status: oneOf('COMPLETE', 'FAILED', 'UNSUPPORTED_IMAGE', 'IN_PROGRESS', 'FINDINGS_UNAVAILABLE'),
    description: text,
    /** Simulated seconds that it takes. */
    seconds: whole,
    /** Findings as Inspector words them. */
    enhanced: flag,
    findings: listOf(finding),
  },
);

/** A manifest that a registry accepts, and then treats in another way than it should. */
const lie = object(
  {
    /** `drop`: keeps nothing. `move`: another pusher takes the tag. `hide`: the next reads do not see it. */
    does: oneOf('drop', 'move', 'hide'),
  },
  {
    /** The name of the repository; without it, all. */
    repository: text,
    /** The tag or digest under which it is put, with `*` for any text; without it, all. */
    reference: text,
    /** How many reads do not see what is hidden; 1 by default. */
    reads: positive,
    /** How many manifests of a repository are treated so; by default all. */
    times: positive,
  },
);

/** What a scenario may say of ECR. */
const ecrScenario = object(
  {},
  {
    /** Another registry that holds the images, such as http://127.0.0.1:5000; ours then only gives tokens. */
    registry: text,
    /** The first rule that matches an image tells what its scan finds. */
    scans: listOf(scan),
    /** The first rule that matches a manifest that is put tells what becomes of it. */
    lies: listOf(lie),
  },
);

export type ScanRule = TypeOf<typeof scan>;
export type LieRule = TypeOf<typeof lie>;
export type FindingRule = TypeOf<typeof finding>;

/** What a scenario may say of CloudWatch. */
const cloudWatchScenario = object(
  {},
  {
    /** Alarms that exist in every account, and the states in which those of templates begin. */
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
    /** What it strikes; without these, every call. */
    service: text,
    operation: text,
    account,
    /** Which of the calls it matches is the first to be struck, from 1, and how many are. */
    nth: positive,
    times: positive,
    /** Strikes each matching call with this likelihood, for ever unless `times` says otherwise. */
    probability: fraction,
    status: whole,
    code: text,
    message: text,
    delayMs: whole,
    /** The call is applied first; then its answer is lost, or delayed. */
    after: flag,
  },
);

/** Calls that have a token bucket: one per account and region. */
const bucket = object(
  {
    /** As in the credential scope: ecs, ssm, elasticloadbalancing. */
    service: text,
    /** How many calls it takes at once. */
    size: positive,
    /** Tokens that come back in a second of the wall clock. */
    refill: positive,
  },
  {
    /** Names of operations, or beginnings with `*`; by default all of the service. */
    operations: listOf(text),
    /** Each of the operations has a bucket of its own. By default they share one. */
    each: flag,
    /** Without these, in every account and region. */
    account,
    region: text,
  },
);

/** How often AWS may be called. */
const rates = object(
  {},
  {
    /** `aws`: the limits that an account has by default. */
    preset: oneOf('aws'),
    /** Before those of the preset: the first that a call matches is its bucket. */
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
    /** Simulated seconds. */
    seconds: whole,
    physicalId: text,
    /** Of an update: CloudFormation leaves the resource out, without an event, and completes all the same. */
    omit: flag,
  },
);

/** A hook that fails whatever it is invoked on. */
const hook = object(
  { name: text, target: oneOf('CHANGE_SET', 'RESOURCE'), reason: text },
  {
    match: object({}, { type: text, logicalId: text, stack: text }),
    /** FAIL by default. */
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
    /** The one repository that exists. */
    repository: matching(/^[^/]+\/[^/]+$/, 'owner/name'),
    /** The login behind the personal access token, and of who started the runs. */
    user: text,
    /** More tokens, and whose they are; `…[bot]` is an installation. */
    tokens: mapOf(text),
    /** How many requests the token has in a window of real seconds (3600), and the status of a refusal (403). */
    rateLimit: object({ limit: whole }, { windowSeconds: positive, status: oneOf('403', '429') }),
    comments: listOf(object({ issue: whole, body: text }, { user: text })),
    pulls: listOf(
      object(
        { number: whole },
        { title: text, state: oneOf('open', 'closed'), head: text, base: text, sha: text, fork: flag },
      ),
    ),
    /** `pending` names the environments that wait for an approval. */
    runs: listOf(
      object(
        { id: whole },
        {
          attempt: whole,
          event: text,
          branch: text,
          sha: text,
          pending: listOf(text),
          /** Who started the run; `user` by default. */
          actor: text,
          /** Who started the attempt: of a re-run, who asked for it. The actor by default. */
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
          /** Patterns of the refs that may deploy to it; without them, all may. */
          branches: listOf(text),
          /** "Protected branches only". */
          protectedBranches: flag,
          preventSelfReview: flag,
          adminsBypass: flag,
        },
      ),
    ),
    branches: listOf(object({ name: text }, { protection: oneOf('rule', 'ruleset') })),
    /** The repository's commits, each after its parents. Without `parents` it follows the one before it. */
    commits: listOf(
      object(
        { sha: text },
        {
          parents: listOf(text),
          message: text,
          /** A login; `name <address>` for an author whose address belongs to no account. */
          author: text,
          /** As the author, whom it is by default; web-flow is GitHub itself. */
          committer: text,
          coAuthors: listOf(text),
          /** By GitHub's own key, as what its buttons make. */
          signed: flag,
          /** The files that it changes. */
          files: listOf(text),
        },
      ),
    ),
    /** The teams of the organisation that owns the repository. Members of a team are in those above it too. */
    teams: listOf(object({ slug: text, members: listOf(text) }, { parent: text, invited: listOf(text) })),
  },
);

/** Everything that a scenario may say. */
const scenario = object(
  {},
  {
    /** Simulated seconds per real second. */
    timeScale: positive,
    /** Of the ids and of the faults that come by likelihood. */
    seed: whole,
    faults: listOf(fault),
    /** Without it, calls are never throttled. */
    rates,
    /** What CloudFormation does with the resources that match. */
    resources: listOf(resource),
    /** Hooks that fail. */
    hooks: listOf(hook),
    /** Changes made by hand, outside of CloudFormation. */
    drift: listOf(drift),
    /** Without an account or a region: in all. */
    parameters: listOf(object({ name: text, value: text }, { account, region: text, type: text })),
    /** What an AWS-compatible endpoint may lack. */
    features: object(
      {},
      {
        describeEvents: flag,
        lastOperations: flag,
        eventTokens: flag,
        propertyValues: flag,
        revertDrift: flag,
        express: flag,
        /** How many reads of a stack's status are of the time before, once a change set is executed. */
        staleReads: whole,
        /** How many reads of a new nested stack's events do not find it yet. */
        hiddenNestedReads: whole,
        /** Property values come with the warning that they are incomplete, and a change is missing. */
        incompleteValues: flag,
      },
    ),
    /** Stacks that are there from the start, made at once, in order. The template is a file. */
    stacks: listOf(
      object(
        { account, name: text, template: text },
        { region: text, parameters: mapOf(text), tags: mapOf(text) },
      ),
    ),
    /** A role with policies has the rights that they give, within its boundary; one without has all rights. */
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
    /** ARNs of roles and of secrets that do not exist, though a task definition names them. */
    missing: listOf(matching(/^arn:[^:]+:(?:iam|secretsmanager):/, 'the ARN of a role or of a secret')),
    /** Claims of the identity tokens that differ from the usual. */
    claims: mapOf(text),
    /** Values of quotas that differ from AWS's defaults, by code. */
    quotas: mapOf(whole),
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

/** Checks a scenario; a ShapeError names the first place that is wrong. */
function checkScenario(value: unknown): Scenario {
  return scenario(value, 'scenario');
}

/** Checks a fault rule. */
export function checkFault(value: unknown): FaultRule {
  return fault(value, 'fault');
}

/** Reads a scenario from a YAML file, or takes it as an object. */
export async function readScenario(source: unknown): Promise<Scenario> {
  if (typeof source !== 'string') return checkScenario(source ?? {});
  const { parse } = await import('yaml');
  return checkScenario(parse(await readFile(source, 'utf8')) ?? {});
}
