import { z } from 'zod';
import { CAPABILITIES } from '../../cloudformation/context.ts';
import { regionProblem } from '../../aws/partition.ts';
import { durationMs } from '../../core/inputs/contract.ts';
import { parseRebuild } from '../../images/rebuild.ts';
import { parseSource, parseTarget } from '../../images/registry/reference.ts';
import { signerProblem } from '../../images/signature/expected.ts';

/** Service names are part of ECR repository names and of names in ECS and IAM. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const DURATION = /^\d{1,6}(?:\.\d{1,3})?[smh]$/;

/** A string that matches the pattern. `allowed` follows "expected" in the error for any other value. */
function text(allowed: string, pattern = /\S/): z.ZodString {
  return z.string({ error: allowed }).regex(pattern, { error: allowed });
}

/** The maximum lengths are those of the parameters in the templates. */
function name(longest: number): z.ZodString {
  const allowed = `lowercase letters, digits and hyphens, starting with a letter, at most ${longest} characters`;
  return z.string({ error: allowed }).regex(NAME, { error: allowed }).max(longest, { error: allowed });
}

const file = text('the path of a file in the repository');
const region = z
  .string({ error: 'a region such as eu-central-1' })
  .superRefine((value, context) => {
    const message = regionProblem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .meta({ pattern: String.raw`^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$` });
/** Editors check this pattern before placeholders such as `${Project}` are replaced. */
const role = text(
  'the ARN of a role, such as arn:aws:iam::111111111111:role/platform-dev-deploy',
  /^arn:aws[\w-]*:iam::(?:\d{12}|\$\{Account\}):role\/(?:[\w+=,.@/-]|\$\{(?:Project|Environment|Account|Region)\})+$/,
);
const accountId = text('a 12-digit account ID in quotes', /^\d{12}$/);
const flag = z.boolean({ error: 'true or false' });
const duration = (min: string, max: string) =>
  text('a duration such as 90s, 30m or 2h', DURATION).refine(
    (value) => milliseconds(value) >= milliseconds(min) && milliseconds(value) <= milliseconds(max),
    { error: `a duration from ${min} to ${max}` },
  );
/** The same ranges as the action inputs `soak` and `timeout`. */
const soak = duration('0s', '720h');
const timeout = duration('1s', '120h');
const listOf = (item: z.ZodString, allowed: string) =>
  z.array(item, { error: allowed }).min(1, { error: allowed });
const oneOrMore = (item: z.ZodString, allowed: string) =>
  z.union([item, listOf(item, allowed)], { error: allowed });
/** Values that CloudFormation or Docker receive as strings. Numbers and booleans keep the notation of the file. */
const texts = z
  .record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean()], { error: 'a string, a number, true or false' }),
    {
      error: 'a map of names to values',
    },
  )
  .meta({ description: 'Map of names to values.' });
/**
 * A login, or a team with its organisation. App accounts such as github-actions[bot] are refused: any workflow with
 * `actions: write` can start another workflow as that account.
 *
 * "Usernames for user accounts on GitHub can only contain alphanumeric characters and dashes". Managed user accounts
 * end with an underscore and the enterprise's short code.
 *
 * @see https://docs.github.com/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
 */
const approver = text(
  'a login such as octocat, or a team such as @org/team; apps and bots cannot approve',
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?|@[A-Za-z0-9][A-Za-z0-9_-]*\/[A-Za-z0-9._-]+)$/,
);
const inEnvironments = listOf(z.string(), 'a list of environments').meta({
  description: 'Environments that include it. Default: all environments.',
});

const signer = z
  .strictObject(
    {
      repository: text('a repository such as org/shop').optional().meta({
        description: 'GitHub repository that the image is built from.',
      }),
      workflow: text('a workflow such as .github/workflows/build.yml').optional().meta({
        description:
          'Workflow that signs the image, such as `.github/workflows/build.yml`, or a reusable workflow such as `org/ci/.github/workflows/build.yml`. Append `@refs/tags/v1` to accept only that version.',
      }),
      ref: text('a ref such as refs/heads/main').optional().meta({
        description:
          'Branch or tag that the image is built from, such as `refs/heads/main`. `refs/tags/*` matches any tag, `refs/heads/*` any branch.',
      }),
      identity: text('a certificate identity').optional().meta({
        description:
          "Exact identity in the signer's certificate, instead of `workflow` and `ref`. For a GitHub workflow, `repository` defaults to the workflow's repository.",
      }),
      issuer: text('a URL').optional().meta({
        description: "OIDC issuer of the signer's token. Default: GitHub Actions.",
      }),
      key: text('the path of a public key').optional().meta({
        description: 'Path of a cosign public key (PEM), instead of an identity.',
      }),
      'trusted-root': text('the path of a file').optional().meta({
        description:
          'Path of the `trusted_root.json` of a private Sigstore instance. Default: the trusted root of the public instance, downloaded when needed.',
      }),
    },
    { error: 'a map with repository, workflow and ref, or identity, or key' },
  )
  .superRefine((value, context) => {
    const problem = signerProblem(value);
    if (problem) context.addIssue({ code: 'custom', path: [problem.key], message: problem.expected });
  });

const environment = z
  .strictObject(
    {
      account: accountId.meta({
        description: 'AWS account ID. A run with credentials of another account fails.',
      }),
      region: region.optional().meta({ description: 'AWS region. Default: the top-level `region`.' }),
      role: role.optional().meta({
        description:
          "IAM role that deploys, assumed with the job's OIDC token. Default: the job's own credentials.",
      }),
      'plan-role': role.optional().meta({
        description:
          'Read-only IAM role, for plans, status and promotions from this environment. Default: `role`.',
      }),
      'execution-role': role.optional().meta({
        description: 'Service role that CloudFormation assumes to change resources.',
      }),
      'artifact-bucket': text(
        'the name of an S3 bucket',
        /^(?:[a-z0-9.-]|\$\{(?:Project|Environment|Account|Region)\}){3,63}$/,
      )
        .optional()
        .meta({
          description:
            'S3 bucket for templates over 51,200 bytes, and for local files and folders that templates reference.',
        }),
      parameters: oneOrMore(file, 'the path of a parameter file, or a list of them').optional().meta({
        description:
          'Parameter files. Each template receives the parameters that it declares. `${Project}` and `${Environment}` in them are replaced.',
      }),
      tags: texts.optional().meta({ description: 'Tags for every stack.' }),
      url: text(
        'a URL such as https://dev.example.com, without user, path or trailing slash',
        /^https?:\/\/(?:[A-Za-z0-9]+(?:(?:\.|-+)[A-Za-z0-9]+)*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/,
      )
        .refine((url) => URL.canParse(url), { error: 'a URL such as https://dev.example.com' })
        .optional()
        .meta({
          description:
            'URL of the environment. Smoke tests with a path use it, and GitHub deployments link to it. If not set, GitHub deployments link to the ECS cluster in the console.',
        }),
      'promote-from': z.string({ error: 'the name of an environment' }).optional().meta({
        description: 'Environment that images are promoted from. If not set, images are built.',
      }),
      soak: soak.optional().meta({
        description:
          'How long a release must run in `promote-from` before it can be promoted to this environment. See docs/guides/promotion.md.',
      }),
      approvers: listOf(approver, 'a list of logins and teams').optional().meta({
        description:
          'Logins, and teams as `@org/team`. Only a workflow that one of them starts manually can change the environment. See docs/guides/promotion.md.',
      }),
      'self-approval': flag.optional().meta({
        description:
          'Whether approvers may deploy their own commits. Default: `false`. Rollbacks are always allowed.',
      }),
      verify: signer.optional().meta({
        description:
          'Required signer of images that are released or promoted to this environment. See docs/guides/signatures.md.',
      }),
      protected: flag.optional().meta({
        description:
          'If `true`, `destroy` requires the environment name in `confirm`, and the GitHub environment must require approval.',
      }),
    },
    { error: 'a map with at least an account' },
  )
  .meta({ description: 'An environment: its AWS account and settings.' });

const stack = z
  .strictObject(
    {
      template: file.meta({ description: 'Path of the template in the repository.' }),
      parameters: texts.optional().meta({
        description:
          "Parameters in addition to the environment's, which they override. They must not contradict supplied parameters.",
      }),
      tags: texts.optional().meta({ description: "Tags in addition to the environment's." }),
      service: text('the name of a service').optional().meta({
        description:
          'Service whose image the stack runs, for example as a scheduled task. The template receives `Image`, `ServiceName` and `TaskName` (the name of the stack). The stack is deployed after the service.',
      }),
      after: oneOrMore(text('the name of a stack'), 'the name of a stack, or a list of them')
        .optional()
        .meta({
          description:
            'Stacks to deploy first, in addition to those that the template reads from. Use it, for example, if the template refers to a role by name.',
        }),
      environments: inEnvironments.optional(),
      capabilities: listOf(
        text(`one of ${CAPABILITIES.join(', ')}`, /^CAPABILITY_(?:IAM|NAMED_IAM|AUTO_EXPAND)$/),
        'a list of capabilities',
      )
        .optional()
        .meta({
          description: 'Capabilities to acknowledge. Default: CAPABILITY_IAM and CAPABILITY_NAMED_IAM.',
        }),
      mode: z.enum(['standard', 'express'], { error: 'standard or express' }).optional().meta({
        description: 'Deployment mode: `standard` or `express`. Default: `standard`. See deploy-stack.',
      }),
      'import-existing-resources': flag.optional().meta({
        description: 'Whether to import existing resources that have the same custom name.',
      }),
      'rollback-alarms': z
        .array(text('the name or ARN of an alarm'), { error: 'a list of up to five alarms' })
        .max(5, { error: 'a list of up to five alarms' })
        .optional()
        .meta({ description: 'CloudWatch alarms that trigger a rollback. An empty list removes them.' }),
      'monitoring-time': duration('0s', '3h').optional().meta({
        description: 'How long CloudFormation monitors the alarms after its last change.',
      }),
      manual: flag.optional().meta({
        description:
          'If `true`, an administrator deploys the stack with their own credentials. It is skipped unless `stacks` lists it.',
      }),
    },
    { error: 'a map with at least a template' },
  )
  .meta({ description: 'A CloudFormation stack, named <environment>-<project>-<stack>.' });

/** Mutually exclusive sources of an image. */
const BUILD_SOURCES = [['context', 'file'], ['bake-file'], ['oci-layout'], ['from']] as const;

const build = z
  .strictObject(
    {
      context: text('a folder of the repository')
        .optional()
        .meta({ description: "Build context. Default: the service's `path`." }),
      file: file.optional().meta({ description: 'Path of the Dockerfile. Default: `Dockerfile` in `path`.' }),
      platforms: oneOrMore(
        text('a platform such as linux/arm64', /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/),
        'a list of platforms',
      )
        .optional()
        .meta({
          description: 'Target platforms, such as `linux/amd64`. Default: the platform of the builder.',
        }),
      target: text('the name of a stage').optional().meta({
        description: 'Stage to build. With `bake-file`, the bake target.',
      }),
      'bake-file': oneOrMore(file, 'the path of a bake file, or a list of them').optional().meta({
        description: 'Bake files that define the build, instead of `context` and `file`.',
      }),
      'build-args': texts.optional(),
      'build-contexts': texts.optional(),
      'oci-layout': text('a folder or a tar file in the repository').optional().meta({
        description: 'OCI image layout to push instead of building.',
      }),
      from: text('an image such as ghcr.io/org/app:1.2')
        .refine((image) => parseSource(image) !== undefined, {
          error: 'an image such as ghcr.io/org/app:1.2',
        })
        .optional()
        .meta({ description: 'Image in another registry to mirror instead of building.' }),
      sign: z.enum(['none', 'keyless'], { error: 'none or keyless' }).optional().meta({
        description:
          "`keyless` signs the image with the job's identity. Default: `none`. See docs/guides/signatures.md.",
      }),
      also: oneOrMore(
        text('a repository such as ghcr.io/org/app').refine((name) => parseTarget(name) !== undefined, {
          error: 'a repository such as ghcr.io/org/app',
        }),
        'a repository such as ghcr.io/org/app, or a list of them',
      )
        .optional()
        .meta({ description: 'Repositories in other registries to copy the finished image to.' }),
      rebuild: text('never, weekly or a duration such as 720h')
        .refine((age) => parseRebuild(age) !== 'invalid', {
          error: 'never, weekly or a duration from 1h such as 720h',
        })
        .optional()
        .meta({
          description:
            'Rebuild the image when it is older than this, to get security patches: `weekly`, a duration, or `never`. Default: `never`.',
        }),
    },
    { error: 'a map' },
  )
  .refine(
    (build) => BUILD_SOURCES.filter((keys) => keys.some((key) => build[key] !== undefined)).length <= 1,
    {
      error: 'only one of bake-file, oci-layout, from, and context with file',
    },
  )
  .refine(
    ({ rebuild = 'never', from, 'oci-layout': layout }) =>
      rebuild === 'never' || (from ?? layout) === undefined,
    { error: 'never, because from and oci-layout do not build the image', path: ['rebuild'] },
  )
  .meta({ description: "How the service's image is built. See build-push-image." });

const smokeTest = z
  .union(
    [
      z.strictObject({
        path: text('a path such as /health', /^\//),
        status: text('a status such as 200, or a range such as 200-399', /^\d{3}(?:-\d{3})?$/).optional(),
        body: text('text that the response must contain').optional(),
        timeout: timeout.optional(),
      }),
      z.strictObject({
        command: oneOrMore(
          text('an argument of the command'),
          'a command, or a list of its arguments',
        ).refine((command) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(words(command)[0] ?? ''), {
          error:
            'a command that starts with a program; for a URL, use path, which is relative to the url of the environment',
        }),
        timeout: timeout.optional(),
      }),
      text('a path such as /health', /^\//),
    ],
    { error: 'a path such as /health, or a map with a path or a command' },
  )
  .meta({
    description:
      "Smoke test after the rollout. A failure rolls the release back. A path is requested from the environment's `url`.",
  });

const repository = text(
  'an ECR repository such as shop/api, or a repository with its registry such as ghcr.io/org/api',
  /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/,
);

const existing = z
  .strictObject(
    {
      cluster: text(
        'the name or ARN of a cluster',
        /^(?:arn:aws[\w-]*:ecs:[a-z0-9-]+:\d{12}:cluster\/)?[A-Za-z0-9_-]{1,255}$/,
      ).meta({ description: 'Name or ARN of the ECS cluster.' }),
      service: text("the service's name in ECS", /^[A-Za-z0-9_-]{1,255}$/)
        .optional()
        .meta({ description: 'Name of the ECS service. Default: the name in this file.' }),
      repository: repository.optional().meta({
        description:
          "ECR repository in this account and region to copy images to, or a repository in another registry that the tasks of every environment pull from. Default: the service's `repository`.",
      }),
      container: text("a container's name", /^[A-Za-z0-9_-]{1,255}$/)
        .optional()
        .meta({
          description:
            'Container that runs the image. Default: the only container, the one named like the service, the one behind the load balancer, or the only essential one.',
        }),
      account: accountId.optional().meta({ description: "AWS account ID. Default: the environment's." }),
      region: region.optional().meta({ description: "AWS region. Default: the environment's." }),
      role: role.optional().meta({
        description:
          "IAM role that deploys the service. Default: the environment's `role`, if the account is the same.",
      }),
      'plan-role': role.optional().meta({
        description:
          "Read-only IAM role. Default: the service's `role`. If neither is set, the environment's role for plans, if the account is the same.",
      }),
    },
    { error: 'a map with at least a cluster' },
  )
  .meta({ description: 'An existing ECS service that another tool manages.' });

const service = z
  .strictObject(
    {
      path: text('a folder of the repository').optional().meta({
        description:
          'Folder of the service. Required for a service with a stack; otherwise only needed to build its image.',
      }),
      port: z
        .int({ error: 'a port from 1024 to 65535' })
        .min(1024, { error: 'a port from 1024 to 65535' })
        .max(65535, { error: 'a port from 1024 to 65535' })
        .optional()
        .meta({
          description:
            "Port that the container listens on. Default: the template's default. Not used for workers.",
        }),
      paths: listOf(
        text('a path pattern such as /api/users/*', /^[/*]/),
        'a list of one to four path patterns',
      )
        .max(4, {
          error:
            'a list of one to four path patterns (a listener rule has at most five values, and the test traffic rule needs one)',
        })
        .optional()
        .meta({
          description:
            'Path patterns that the load balancer routes to the service. A service without `paths` and `priority` is a worker.',
        }),
      priority: z
        .int({ error: 'a number from 100 to 999' })
        .min(100, { error: 'a number from 100 to 999' })
        .max(999, { error: 'a number from 100 to 999' })
        .optional()
        .meta({
          description:
            'Priority of the listener rule, unique among the services; lower values are evaluated first. Required with `paths`.',
        }),
      template: file
        .optional()
        .meta({ description: 'Path of the template. Default: templates/fargate.yml.' }),
      parameters: texts.optional().meta({
        description:
          "Parameters in addition to the environment's, which they override. They must not contradict supplied parameters.",
      }),
      tags: texts.optional().meta({ description: "Tags in addition to the environment's." }),
      repository: repository
        .optional()
        .meta({ description: 'Name of the ECR repository in every account. Default: <project>/<service>.' }),
      build: build.optional(),
      'pre-deploy': oneOrMore(text('an argument of the command'), 'a command, or a list of its arguments')
        .optional()
        .meta({
          description:
            'Command to run as a one-off task of the new release before the rollout, such as a database migration.',
        }),
      'pre-deploy-when': z.enum(['change', 'always'], { error: 'change or always' }).optional().meta({
        description: '`always` runs `pre-deploy` even if the service does not change. Default: `change`.',
      }),
      'smoke-test': smokeTest.optional(),
      verify: signer.optional().meta({
        description:
          "Required signer of the image. Overrides the environment's `verify`; has no effect in environments without `verify`.",
      }),
      environments: z
        .union([inEnvironments, z.record(z.string(), existing)], {
          error: 'a list of environments, or a map of environments to where the service exists',
        })
        .optional()
        .meta({
          description:
            'Environments that include the service. Default: all environments. A map defines where an existing service, which has no stack, runs.',
        }),
    },
    { error: 'a map with path, or with a map of environments' },
  )
  .meta({
    description:
      'A service that has its own stack (behind the load balancer, or a worker), or an existing service that another tool manages.',
    // Editors report the same problems as findingsIn does for a service with a stack.
    dependentRequired: { paths: ['priority'], priority: ['paths'] },
    if: { properties: { environments: { type: 'object' } }, required: ['environments'] },
    else: { required: ['path'] },
  });

/** The file before defaults are applied. The maximum lengths of names are those of the templates. */
export const manifestSchema = z
  .strictObject(
    {
      project: name(20).meta({ description: 'Prefix of every shared name.' }),
      region: region.meta({ description: 'AWS region of every environment that does not set its own.' }),
      environments: z
        .record(name(12), environment, { error: 'a map of environments' })
        .meta({ description: 'Environments by name.' }),
      stacks: z.record(name(31), stack, { error: 'a map of stacks' }).optional().meta({
        description: 'Stacks by name. Their order is derived from the templates.',
      }),
      services: z
        .record(name(31), service, { error: 'a map of services' })
        .meta({ description: 'Services by name.' }),
    },
    { error: 'a map with project, region, environments and services' },
  )
  .meta({
    title: 'platform.yml',
    description: 'Environments, stacks and services of a platform. See docs/reference/platform-yml.md.',
  });

export type ManifestText = z.infer<typeof manifestSchema>;

/** The JSON Schema of the file, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}

export type ServiceText = ManifestText['services'][string];
export type PlaceText = z.infer<typeof existing>;

/** The existing ECS service in each environment, by environment; undefined for a service with a stack. */
export function existingIn({ environments }: ServiceText): Record<string, PlaceText> | undefined {
  return Array.isArray(environments) ? undefined : environments;
}

/** The environments that include a service; undefined if all do. */
export function environmentNames({ environments }: ServiceText): string[] | undefined {
  return Array.isArray(environments) || environments === undefined ? environments : Object.keys(environments);
}

/** Milliseconds of a duration; 0 for an invalid one, which the schema's pattern reports. */
export function milliseconds(text: string): number {
  return durationMs(text) ?? 0;
}

/** The arguments of a command. A string is split at white space; a list is returned as it is. */
export function words(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.trim().split(/\s+/) : command;
}
