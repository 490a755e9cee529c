import { z } from 'zod';
import { CAPABILITIES } from '../../cloudformation/context.ts';
import { regionProblem } from '../../aws/partition.ts';
import { durationMs } from '../../core/inputs/contract.ts';
import { parseRebuild } from '../../images/rebuild.ts';
import { parseSource, parseTarget } from '../../images/registry/reference.ts';
import { signerProblem } from '../../images/signature/expected.ts';

/** What an image may be called: part of a repository's name, and of names in ECS and IAM. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const DURATION = /^\d{1,6}(?:\.\d{1,3})?[smh]$/;

/** A text; `allowed` is what the error says of any other value. */
function text(allowed: string, pattern = /\S/): z.ZodString {
  return z.string({ error: allowed }).regex(pattern, { error: allowed });
}

/** The limits are those of the templates' parameters. */
function name(longest: number): z.ZodString {
  const allowed = `lower-case letters, digits and dashes, a letter first, at most ${longest}`;
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
/** The pattern is what editors check, before placeholders such as `${Project}` are replaced. */
const role = text(
  'the ARN of a role, such as arn:aws:iam::111111111111:role/platform-dev-deploy',
  /^arn:aws[\w-]*:iam::(?:\d{12}|\$\{Account\}):role\/(?:[\w+=,.@/-]|\$\{(?:Project|Environment|Account|Region)\})+$/,
);
const accountId = text('the twelve digits of an account, in quotes', /^\d{12}$/);
const flag = z.boolean({ error: 'true or false' });
const duration = (min: string, max: string) =>
  text('a number with s, m or h, such as 90s, 30m or 2h', DURATION).refine(
    (value) => milliseconds(value) >= milliseconds(min) && milliseconds(value) <= milliseconds(max),
    { error: `a duration from ${min} to ${max}` },
  );
/** The same ranges as those of the inputs. */
const soak = duration('0s', '720h');
const timeout = duration('1s', '120h');
const listOf = (item: z.ZodString, allowed: string) =>
  z.array(item, { error: allowed }).min(1, { error: allowed });
const oneOrMore = (item: z.ZodString, allowed: string) =>
  z.union([item, listOf(item, allowed)], { error: allowed });
/** Numbers and booleans arrive as the text that they were written with. */
const texts = z
  .record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' }),
    {
      error: 'a map of names and values',
    },
  )
  .meta({ description: 'Names and values.' });
/**
 * A login, or a team with its organisation. The account of an app, such as github-actions[bot], is no person: any
 * workflow with `actions: write` starts another one as it.
 *
 * "Usernames for user accounts on GitHub can only contain alphanumeric characters and dashes"; those that an enterprise
 * manages end with an underscore and its short code.
 *
 * @see https://docs.github.com/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
 */
const approver = text(
  'a login such as octocat, or a team such as @org/team; an app or a bot approves nothing',
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?|@[A-Za-z0-9][A-Za-z0-9_-]*\/[A-Za-z0-9._-]+)$/,
);
const inEnvironments = listOf(z.string(), 'a list of environments').meta({
  description: 'Only in these environments. Default, in all of them.',
});

const signer = z
  .strictObject(
    {
      repository: text('a repository such as org/shop').optional().meta({
        description: 'The repository on GitHub whose source the image is built from.',
      }),
      workflow: text('a workflow such as .github/workflows/build.yml').optional().meta({
        description:
          'The workflow that signs, such as `.github/workflows/build.yml`, or a reusable one, `org/ci/.github/workflows/build.yml`, with `@refs/tags/v1` to accept only that version.',
      }),
      ref: text('a ref such as refs/heads/main').optional().meta({
        description:
          'The branch or tag that the image is built from, such as `refs/heads/main`; `refs/tags/*` is any tag, `refs/heads/*` any branch.',
      }),
      identity: text('the identity of a certificate').optional().meta({
        description:
          'In place of `workflow` and `ref`: the identity in the certificate of the signer, exactly. Of a workflow on GitHub, `repository` is by default its own.',
      }),
      issuer: text('a URL').optional().meta({
        description: 'The issuer of the token of the signer. Default, that of GitHub Actions.',
      }),
      key: text('the path of a public key').optional().meta({
        description: 'In place of an identity: a public key of cosign, the path of its PEM file.',
      }),
      'trusted-root': text('the path of a file').optional().meta({
        description:
          'The file `trusted_root.json` of a private Sigstore instance. Default, that of the public one, which is loaded when it is needed.',
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
        description: 'The AWS account. Whatever else the credentials belong to is refused.',
      }),
      region: region.optional().meta({ description: "Default, the platform's own region." }),
      role: role.optional().meta({
        description:
          "The role that deploys, assumed with the job's OIDC token. Default, the job's own credentials.",
      }),
      'plan-role': role.optional().meta({
        description: 'The role that only reads: for plan, status, and promotions from here. Default, `role`.',
      }),
      'execution-role': role.optional().meta({
        description: 'The role that CloudFormation changes resources with.',
      }),
      'artifact-bucket': text(
        'the name of an S3 bucket',
        /^(?:[a-z0-9.-]|\$\{(?:Project|Environment|Account|Region)\}){3,63}$/,
      )
        .optional()
        .meta({
          description:
            'Bucket for templates over 51,200 bytes, and for the local files and folders that templates name.',
        }),
      parameters: oneOrMore(file, 'the path of a parameter file, or a list of them').optional().meta({
        description:
          'Parameter files; a template gets the keys that it declares. `${Project}` and `${Environment}` in them are replaced.',
      }),
      tags: texts.optional().meta({ description: 'Tags of every stack.' }),
      url: text(
        'a URL such as https://dev.example.com, without a user, a path or a slash at its end',
        /^https?:\/\/(?:[A-Za-z0-9]+(?:(?:\.|-+)[A-Za-z0-9]+)*|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/,
      )
        .refine((url) => URL.canParse(url), { error: 'a URL such as https://dev.example.com' })
        .optional()
        .meta({
          description:
            'Where the environment is reached: smoke tests with a path ask there, and its deployments on GitHub link to it. Without it they link to the ECS cluster in the console.',
        }),
      'promote-from': z.string({ error: 'the name of an environment' }).optional().meta({
        description: 'The environment that images come from. Without it they are built.',
      }),
      soak: soak.optional().meta({
        description:
          'How long a release must have run in `promote-from` before it may come here: docs/guides/promotion.md.',
      }),
      approvers: listOf(approver, 'a list of logins and teams').optional().meta({
        description:
          'Logins, and teams as `@org/team`. Only a workflow that one of them starts by hand changes the environment: docs/guides/promotion.md.',
      }),
      'self-approval': flag.optional().meta({
        description:
          'Whether an approver may deploy a commit of their own. Default, `false`. Rollbacks always may.',
      }),
      verify: signer.optional().meta({
        description:
          'Who must have signed an image before it is released or promoted here: docs/guides/signatures.md.',
      }),
      protected: flag.optional().meta({
        description:
          'Destroying it takes its name in `confirm`, and its GitHub environment must ask for approval.',
      }),
    },
    { error: 'a map with at least an account' },
  )
  .meta({ description: 'One environment: an account, and what differs in it.' });

const stack = z
  .strictObject(
    {
      template: file.meta({ description: 'The template, a path in the repository.' }),
      parameters: texts.optional().meta({
        description: "Parameters beside the environment's; they win. None may contradict what is supplied.",
      }),
      tags: texts.optional().meta({ description: "Tags beside the environment's." }),
      service: text('the name of a service').optional().meta({
        description:
          'The service whose image it runs, such as a scheduled task. The template gets `Image`, `ServiceName` and `TaskName`, the name of the stack, and is deployed after the service.',
      }),
      after: oneOrMore(text('the name of a stack'), 'the name of a stack, or a list of them')
        .optional()
        .meta({
          description:
            'Stacks that it is deployed after, beside those that its template reads from, such as one whose roles it names.',
        }),
      environments: inEnvironments.optional(),
      capabilities: listOf(
        text(`one of ${CAPABILITIES.join(', ')}`, /^CAPABILITY_(?:IAM|NAMED_IAM|AUTO_EXPAND)$/),
        'a list of capabilities',
      )
        .optional()
        .meta({ description: 'Default, CAPABILITY_IAM and CAPABILITY_NAMED_IAM.' }),
      mode: z
        .enum(['standard', 'express'], { error: 'standard or express' })
        .optional()
        .meta({ description: 'Default, standard. See deploy-stack.' }),
      'import-existing-resources': flag.optional().meta({
        description: 'Whether resources that exist by their custom name join the stack.',
      }),
      'rollback-alarms': z
        .array(text('the name or ARN of an alarm'), { error: 'a list of up to five alarms' })
        .max(5, { error: 'a list of up to five alarms' })
        .optional()
        .meta({ description: 'CloudWatch alarms that roll a change back; an empty list removes them.' }),
      'monitoring-time': duration('0s', '3h').optional().meta({
        description: 'How long CloudFormation watches the alarms after its last change.',
      }),
      manual: flag.optional().meta({
        description:
          'An administrator deploys it, with credentials of their own. It is left out unless `stacks` names it.',
      }),
    },
    { error: 'a map with at least a template' },
  )
  .meta({ description: 'One CloudFormation stack, named <environment>-<project>-<stack>.' });

/** What an image is made from: one of these. */
const BUILD_SOURCES = [['context', 'file'], ['bake-file'], ['oci-layout'], ['from']] as const;

const build = z
  .strictObject(
    {
      context: text('a folder of the repository')
        .optional()
        .meta({ description: "Default, the service's path." }),
      file: file.optional().meta({ description: 'Default, the Dockerfile in the path.' }),
      platforms: oneOrMore(
        text('a platform such as linux/arm64', /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/),
        'a list of platforms',
      ).optional(),
      target: text('the name of a stage').optional().meta({
        description: 'The stage to build; with bake-file, the target of the bake file.',
      }),
      'bake-file': oneOrMore(file, 'the path of a bake file, or a list of them').optional().meta({
        description: 'Bake files that describe the build, instead of context and file.',
      }),
      'build-args': texts.optional(),
      'build-contexts': texts.optional(),
      'oci-layout': text('a folder or a tar in the repository').optional().meta({
        description: 'A ready OCI layout, pushed instead of building.',
      }),
      from: text('an image such as ghcr.io/org/app:1.2')
        .refine((image) => parseSource(image) !== undefined, {
          error: 'an image such as ghcr.io/org/app:1.2',
        })
        .optional()
        .meta({ description: 'An image of another registry, mirrored instead of building.' }),
      sign: z.enum(['none', 'keyless'], { error: 'none or keyless' }).optional().meta({
        description:
          '`keyless` signs it with the identity of the job: docs/guides/signatures.md. Default, `none`.',
      }),
      also: oneOrMore(
        text('a repository such as ghcr.io/org/app').refine((name) => parseTarget(name) !== undefined, {
          error: 'a repository such as ghcr.io/org/app',
        }),
        'a repository such as ghcr.io/org/app, or a list of them',
      )
        .optional()
        .meta({ description: 'Repositories of other registries that the finished image is copied to.' }),
      rebuild: text('never, weekly or a duration such as 720h')
        .refine((age) => parseRebuild(age) !== 'invalid', {
          error: 'never, weekly or a duration from 1h such as 720h',
        })
        .optional()
        .meta({
          description:
            'Rebuild its image when it is older than this, to get patches: weekly, or a duration. Default, never.',
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
    { error: 'never with from or oci-layout: there is nothing to build', path: ['rebuild'] },
  )
  .meta({ description: 'How its image is built; see build-push-image.' });

const smokeTest = z
  .union(
    [
      z.strictObject({
        path: text('a path such as /health', /^\//),
        status: text('a status such as 200, or a range such as 200-399', /^\d{3}(?:-\d{3})?$/).optional(),
        body: text('a text that the answer must hold').optional(),
        timeout: timeout.optional(),
      }),
      z.strictObject({
        command: oneOrMore(text('a word of the command'), 'a command, or a list of its words').refine(
          (command) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(words(command)[0] ?? ''),
          {
            error:
              'a command that begins with a program; a URL is given as path, below the url of the environment',
          },
        ),
        timeout: timeout.optional(),
      }),
      text('a path such as /health', /^\//),
    ],
    { error: 'a path such as /health, or a map with a path or a command' },
  )
  .meta({
    description:
      "Asked after the rollout; a failure rolls it back. A path is asked at the environment's url.",
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
        .meta({ description: 'Its name in ECS. Default, its name here.' }),
      repository: repository.optional().meta({
        description:
          "ECR repository of this account and region that images are copied to, or a repository with its registry, which the tasks of every environment pull from. Default, the service's `repository`.",
      }),
      container: text("a container's name", /^[A-Za-z0-9_-]{1,255}$/)
        .optional()
        .meta({
          description:
            'The container that runs the image. Default, the only one, the one with the name of the service, the one behind the load balancer, or the only essential one.',
        }),
      account: accountId.optional().meta({ description: "Default, the environment's." }),
      region: region.optional().meta({ description: "Default, the environment's." }),
      role: role.optional().meta({
        description: "The role that deploys to it. Default, in the environment's account, the environment's.",
      }),
      'plan-role': role.optional().meta({
        description:
          "The role that only reads. Default, `role`, or in the environment's account, the environment's.",
      }),
    },
    { error: 'a map with at least a cluster' },
  )
  .meta({ description: 'Where a service exists that another tool created.' });

const service = z
  .strictObject(
    {
      path: text('a folder of the repository')
        .optional()
        .meta({ description: 'Its folder. Required with a stack; without one, only to build its image.' }),
      port: z
        .int({ error: 'a port from 1024 to 65535' })
        .min(1024, { error: 'a port from 1024 to 65535' })
        .max(65535, { error: 'a port from 1024 to 65535' })
        .optional()
        .meta({ description: "The port it listens on. Default, the template's. A worker has none." }),
      paths: listOf(
        text('a path pattern such as /api/users/*', /^[/*]/),
        'a list of one to four path patterns',
      )
        .max(4, {
          error:
            'a list of one to four path patterns, as a listener rule has five values and the rule of test traffic needs one',
        })
        .optional()
        .meta({
          description:
            'Path patterns that the load balancer sends to it. A service without `paths` and `priority` is a worker.',
        }),
      priority: z
        .int({ error: 'a number from 100 to 999' })
        .min(100, { error: 'a number from 100 to 999' })
        .max(999, { error: 'a number from 100 to 999' })
        .optional()
        .meta({
          description:
            'Order among the services, smaller first, different for each of them. Required with `paths`.',
        }),
      template: file.optional().meta({ description: 'Default, templates/fargate.yml.' }),
      parameters: texts.optional().meta({
        description: "Parameters beside the environment's; they win. None may contradict what is supplied.",
      }),
      tags: texts.optional().meta({ description: "Tags beside the environment's." }),
      repository: repository
        .optional()
        .meta({ description: 'Its ECR repository in every account. Default, <project>/<service>.' }),
      build: build.optional(),
      'pre-deploy': oneOrMore(text('a word of the command'), 'a command, or a list of its words')
        .optional()
        .meta({
          description:
            "Run to its end as a task of the new release before the rollout, such as the database's migration.",
        }),
      'pre-deploy-when': z.enum(['change', 'always'], { error: 'change or always' }).optional().meta({
        description: '`always` runs `pre-deploy` also when the service stays as it is. Default, `change`.',
      }),
      'smoke-test': smokeTest.optional(),
      verify: signer.optional().meta({
        description:
          "Who must have signed its image, in place of the environment's `verify`, where there is one.",
      }),
      environments: z
        .union([inEnvironments, z.record(z.string(), existing)], {
          error: 'a list of environments, or a map of environments to where the service exists',
        })
        .optional()
        .meta({
          description:
            'Only in these environments. Default, in all of them. A map says where the service exists already: it has no stack.',
        }),
    },
    { error: 'a map with path, or with a map of environments' },
  )
  .meta({
    description:
      'One service with a stack of its own, behind the load balancer or a worker, or one that another tool created.',
    // For editors: what findingsIn says of a service with a stack.
    dependentRequired: { paths: ['priority'], priority: ['paths'] },
    if: { properties: { environments: { type: 'object' } }, required: ['environments'] },
    else: { required: ['path'] },
  });

/** The file as it is written. The limits of names are those of the templates. */
export const manifestSchema = z
  .strictObject(
    {
      project: name(20).meta({ description: 'First part of every shared name.' }),
      region: region.meta({ description: 'Where everything is, unless an environment says otherwise.' }),
      environments: z
        .record(name(12), environment, { error: 'a map of environments' })
        .meta({ description: 'The environments by name.' }),
      stacks: z.record(name(31), stack, { error: 'a map of stacks' }).optional().meta({
        description: 'The stacks of every environment by name. Their order is found in the templates.',
      }),
      services: z
        .record(name(31), service, { error: 'a map of services' })
        .meta({ description: 'The services by name.' }),
    },
    { error: 'a map with project, region, environments and services' },
  )
  .meta({
    title: 'platform.yml',
    description: 'The environments, stacks and services of a platform: docs/reference/platform-yml.md.',
  });

export type ManifestText = z.infer<typeof manifestSchema>;

/** The JSON Schema of the file, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}

export type ServiceText = ManifestText['services'][string];
export type PlaceText = z.infer<typeof existing>;

/** Where the file says that a service exists already, by environment; undefined for a service with a stack. */
export function existingIn({ environments }: ServiceText): Record<string, PlaceText> | undefined {
  return Array.isArray(environments) ? undefined : environments;
}

/** The environments that a service is only in; undefined where it is in all of them. */
export function environmentNames({ environments }: ServiceText): string[] | undefined {
  return Array.isArray(environments) || environments === undefined ? environments : Object.keys(environments);
}

/** Of a duration; a text that is none is found by its pattern. */
export function milliseconds(text: string): number {
  return durationMs(text) ?? 0;
}

/** A command in one text is cut at its spaces; a list is taken as it is. */
export function words(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.trim().split(/\s+/) : command;
}
