/** What CloudFormation's calls are authorized with. */
const CLOUDFORMATION_ROLE =
  "the role that CloudFormation uses: the service role (role-arn of deploy-stack, execution-role in platform.yml), or the job's role if there is no service role";

/** How to fix a failure, by the handler's error code or by its message. */
interface Hint {
  code?: RegExp;
  message?: RegExp;
  /** Limited to these resource types. */
  type?: RegExp;
  hint: string | ((match: RegExpExecArray) => string);
}

const QUOTA_REACHED =
  'Request an increase in Service Quotas, or delete resources that you no longer need: the account has reached a quota in this region.';
const THROTTLED =
  'Run the deployment again; if AWS throttles it again, deploy fewer stacks at the same time.';
const NOT_STABILIZED =
  "Check the resource's own events or logs: it was created or updated, but did not stabilize in time.";
const NOT_FOUND =
  'Check the ids in the message: the resource, or one that it refers to, does not exist. It may have been deleted outside CloudFormation.';
/**
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html "The resource must
 *   have a static custom name defined in your template", "a DeletionPolicy of Retain or RetainExceptOnCreate", and "must not
 *   already belong to another CloudFormation stack"
 */
export const NAME_TAKEN =
  'Give the resource another name in the template, or delete the existing one of that name if its data is no longer needed. ' +
  'To keep it, set import-existing-resources: true on the stack: its name in the template must be a literal without functions, its DeletionPolicy Retain or RetainExceptOnCreate, and no other stack may own it.';

/**
 * The first match is used, so specific entries come before general ones.
 * Handler error codes: "Resource type handler error codes", CloudFormation CLI User Guide.
 */
const HINTS: readonly Hint[] = [
  {
    message: /No export named (\S+) found/,
    hint: (match) =>
      `Deploy the stack that exports ${match[1] ?? 'it'} first, or correct the name in Fn::ImportValue: no stack in this account and region exports it.`,
  },
  {
    message:
      /(?:Cannot delete export|Export) (\S+) (?:as it is|cannot be (?:updated|deleted) as it is) (?:in use|used) by (.+?)(?:$|[.(])/,
    hint: (match) =>
      `Remove the import of ${match[1] ?? 'this export'} from ${match[2]?.trim() ?? 'the importing stack'} first, then deploy this stack again.`,
  },
  {
    message: /Export with name (\S+) is already exported by stack (\S+)/,
    hint: (match) =>
      `Rename ${match[1] ?? 'the export'}, or remove it from ${match[2] ?? 'the other stack'}. Export names must be unique within an account and region.`,
  },
  {
    message: /denied by stack policy/i,
    hint: 'Run deploy-stack with a stack-policy that allows this update, then restore the original policy.',
  },
  {
    message:
      /not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9*]+)(?: on resource:? (\S+))?(?:.*?because (no [a-z-]+ policy|[^.()]*explicit deny[^.()]*))?/i,
    hint: (match) => missingPermission(match),
  },
  {
    // ECS creates the role with the first cluster of an account, and cannot assume it immediately.
    // @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
    message: /ECS service linked role exists/i,
    hint: "Deploy again: ECS creates the service-linked role AWSServiceRoleForECS with the first cluster of an account, and cannot assume it immediately. If the deployment fails again, run aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com, or deploy templates/bootstrap.yml with CreateEcsRole: 'true'.",
  },
  {
    message: /encoded authorization failure message/i,
    hint: 'Decode the message with "aws sts decode-authorization-message" to see which permission is missing, then grant it to the role that CloudFormation uses.',
  },
  {
    code: /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|InvalidCredentials)$/,
    hint: `Grant the action in the message to ${CLOUDFORMATION_ROLE}.`,
  },
  {
    // Support for image indexes is an open request: https://github.com/aws/aws-lambda-roadmap/issues/82
    message: /image manifest,? (?:config )?or layer media type for the source image \S+ is not supported/i,
    hint: 'Build the image for one platform, with provenance: false and sbom: false in build-push-image: Lambda does not support image indexes. See docs/migrate/lambda.md.',
  },
  {
    message: /Replacement type updates not supported on stack with disable-rollback/i,
    hint: 'Return the stack to a stable state, then run deploy-stack with on-failure: rollback. CloudFormation cannot replace resources while rollback is disabled.',
  },
  {
    message: /circuit breaker/i,
    hint: 'Check the stopped tasks of the service (stopped reason and exit code) and their logs: the new tasks did not become healthy, so ECS stopped the deployment.',
  },
  {
    message: /CIDR.{0,80}(?:conflicts with another subnet|overlap)/i,
    hint: "Give each subnet its own CIDR block within the VPC's CIDR block: two CIDR blocks overlap.",
  },
  {
    message: /CIDR.{0,80}(?:is invalid|not within|out of range)|InvalidSubnet\.Range/i,
    hint: "Use a CIDR block within the VPC's CIDR block, with a size between /16 and /28.",
  },
  {
    message:
      /maximum number of (?:addresses|VPCs|internet gateways|NAT gateways|[A-Za-z ]+?) has been reached/i,
    hint: QUOTA_REACHED,
  },
  {
    message: /would exceed the limit of \d+ NAT gateways/i,
    hint: QUOTA_REACHED,
  },
  {
    message: /specified hosted zone does not exist|is not permitted in zone/i,
    hint: 'Correct the hosted zone id: the zone must exist in this account, and the name must be within its domain.',
  },
  {
    message:
      /Certificate ARN '.+' is not valid|Certificate '.+' not found|certificate '.+' must have a fully-qualified domain name/i,
    hint: 'Give it a certificate of ACM in this account and region whose status is ISSUED.',
  },
  {
    message: /at least two subnets in two different Availability Zones/i,
    hint: 'Specify subnets in at least two Availability Zones.',
  },
  {
    message: /bucket you tried to delete is not empty|BucketNotEmpty/i,
    hint: 'Empty the bucket first, including all object versions, or set DeletionPolicy: Retain.',
  },
  {
    message:
      /has dependencies and cannot be deleted|has a dependent object|DependencyViolation|currently in use/i,
    hint: 'Remove what still uses the resource outside this stack (usually a network interface, a security group rule or a manual attachment), then run it again.',
  },
  {
    message: /repository with name .* cannot be deleted because it still contains images|RepositoryNotEmpty/i,
    hint: 'Delete the images of the repository first, or set EmptyOnDelete: true on it.',
  },
  {
    message: /deletion ?protection/i,
    hint: 'Disable deletion protection in the template, deploy the change, then delete the resource.',
  },
  {
    message: /The following hook\(s\) failed|^Hook /,
    hint: 'Change the resource so that it passes the hook, or contact the team that owns the hook.',
  },
  {
    message: /\bTemplateURL\b|S3 error: Access Denied/i,
    type: /^AWS::CloudFormation::Stack$/,
    hint: 'Check the URL of the nested template, and that the role that CloudFormation uses may read it (s3:GetObject).',
  },
  {
    message: /Rate exceeded|ThrottlingException|TooManyRequests/i,
    hint: THROTTLED,
  },
  {
    code: /^AlreadyExists$/,
    hint: NAME_TAKEN,
  },
  {
    message: /already exists(?: in stack (\S+))?/i,
    hint: (match) =>
      match[1]
        ? `Rename one of the two resources: the stack ${match[1]} already has a resource of that name.`
        : NAME_TAKEN,
  },
  {
    code: /^(ServiceLimitExceeded|LimitExceeded|LimitExceededException)$/,
    hint: QUOTA_REACHED,
  },
  {
    message: /limit ?exceeded|quota/i,
    hint: QUOTA_REACHED,
  },
  {
    code: /^Throttling$/,
    hint: THROTTLED,
  },
  {
    code: /^NotStabilized$/,
    hint: NOT_STABILIZED,
  },
  {
    message: /did not stabilize|Exceeded attempts to wait|timed? ?out/i,
    hint: NOT_STABILIZED,
  },
  {
    code: /^NotUpdatable$/,
    hint: 'Give the resource a new logical id, so that CloudFormation creates a new one: this property cannot be updated.',
  },
  {
    message: /custom-named resource requires replacing/i,
    hint: 'Rename the resource, or remove its name from the template: CloudFormation creates the replacement first, and both cannot have the same name.',
  },
  {
    message: /The role with name (\S+) cannot be found/,
    hint: (match) =>
      `Create the role ${match[1] ?? ''} first, by its stack or by hand, or correct its name and the account.`,
  },
  {
    code: /^(NotFound|ResourceNotFoundException)$/,
    hint: NOT_FOUND,
  },
  {
    message: /Encountered unsupported property (\S+)/,
    hint: (match) =>
      `Check the spelling and the indentation of ${match[1] ?? 'the property'} in the template: the resource type has no such property.`,
  },
  {
    code: /^(InvalidRequest|ValidationException|InvalidParameterValue|ValidationError)$/,
    hint: 'Correct the property that the message names, in the template or in the parameter that sets it.',
  },
  {
    message: /does not exist|not found/i,
    hint: NOT_FOUND,
  },
  {
    code: /^ResourceConflict$/,
    hint: 'Run the deployment again: another operation was changing the same resource.',
  },
  {
    code: /^(ServiceInternalError|InternalFailure|GeneralServiceException|NetworkFailure|ServiceTimeout)$/,
    hint: 'Run the deployment again. If it fails again, check the AWS Health Dashboard for an outage of the service.',
  },
];

/** How to fix a failure; undefined for a failure that is not in the list. */
export function hintFor(failure: { type: string; reason: string; code?: string }): string | undefined {
  for (const { code, message, type, hint } of HINTS) {
    if (type && !type.test(failure.type)) continue;
    const byCode = code?.exec(failure.code ?? '');
    const match = byCode ?? message?.exec(failure.reason);
    if (match) return typeof hint === 'string' ? hint : hint(match);
  }
  return undefined;
}

function missingPermission(match: RegExpExecArray): string {
  const [, action = '', resource, because] = match;
  const on = resource ? ` on ${resource.replace(/[,.;]+$/, '')}` : '';
  if (because && /explicit deny/i.test(because)) {
    return `Find the explicit Deny of ${action}${on} in the policies, the permissions boundary or the service control policies of the role, and remove it.`;
  }
  return `Grant ${action}${on} to ${CLOUDFORMATION_ROLE}.`;
}

/** A reason without the resource handler's wrapper and without request ids, which only AWS Support needs. */
export function plainReason(reason: string): string {
  const line = reason.replace(/\s+/g, ' ').trim();
  const message =
    /^Resource handler returned message: "(.*)" \(RequestToken: [^)]*\)\.?$/.exec(line)?.[1] ?? line;
  return message
    .replace(/[;,] (?:Request ?ID|RequestId|Request ID|Extended Request ID|Proxy): [^;,)]+/gi, '')
    .replace(/ ?\(Service: [^)]*\)/g, '')
    .trim();
}

/** The code in `(… HandlerErrorCode: AlreadyExists)` or `(… Error Code: AccessDenied; …)`. */
export function errorCodeOf(reason: string): string | undefined {
  const code =
    /HandlerErrorCode: ?([A-Za-z0-9.]+)/.exec(reason) ?? /Error Code: ?([A-Za-z0-9._]+)/.exec(reason);
  return code?.[1];
}
