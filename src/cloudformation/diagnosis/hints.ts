/** How to fix a failure, by the handler's error code or by its message. */
interface Hint {
  code?: RegExp;
  message?: RegExp;
  /** Limited to these resource types. */
  type?: RegExp;
  hint: string | ((match: RegExpExecArray) => string);
}

/**
 * The first match is used, so specific entries come before general ones.
 * Handler error codes: "Resource type handler error codes", CloudFormation CLI User Guide.
 */
const HINTS: readonly Hint[] = [
  {
    message: /No export named (\S+) found/,
    hint: (match) =>
      `No stack of this account and region exports ${match[1] ?? ''}. Deploy the exporting stack first, or correct the name in Fn::ImportValue.`,
  },
  {
    message:
      /(?:Cannot delete export|Export) (\S+) (?:as it is|cannot be (?:updated|deleted) as it is) (?:in use|used) by (.+?)(?:$|[.(])/,
    hint: (match) =>
      `The output is imported by ${match[2]?.trim() ?? 'another stack'}. Change that stack first so that it no longer imports ${match[1] ?? 'it'}, then this one.`,
  },
  {
    message: /Export with name (\S+) is already exported by stack (\S+)/,
    hint: (match) =>
      `Export names are unique in an account and region. Rename ${match[1] ?? 'the export'}, or remove it from ${match[2] ?? 'the other stack'}.`,
  },
  {
    message: /denied by stack policy/i,
    hint: 'The stack policy forbids this change. Run deploy-stack with a stack-policy that allows it, and set the old policy again afterwards.',
  },
  {
    message:
      /not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9*]+)(?: on resource:? (\S+))?(?:.*?because (no [a-z-]+ policy|[^.()]*explicit deny[^.()]*))?/i,
    hint: (match) => missingPermission(match),
  },
  {
    // ECS creates the role with the first cluster of an account, and cannot assume it at once.
    // @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
    message: /ECS service linked role exists/i,
    hint: "Deploy again: ECS creates the role AWSServiceRoleForECS with the first cluster of an account, and cannot assume it at once. If it fails again, run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com. Or deploy templates/bootstrap.yml with CreateEcsRole: 'true'.",
  },
  {
    message: /encoded authorization failure message/i,
    hint: 'A permission is missing, and AWS encoded which one: read it with "aws sts decode-authorization-message". Then allow it to the role that CloudFormation uses.',
  },
  {
    code: /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|InvalidCredentials)$/,
    hint: 'The role that CloudFormation works with lacks a permission for this. Allow the action that the message names, in the service role (role-arn of deploy-stack, execution-role in platform.yml), or else in the role of the job.',
  },
  {
    // Seen by users of serverless and of SAM; indexes are an open request: github.com/aws/aws-lambda-roadmap/issues/82
    message: /image manifest,? (?:config )?or layer media type for the source image \S+ is not supported/i,
    hint: 'Lambda runs no image index. Build the image for one platform, by build-push-image with provenance: false and sbom: false: docs/migrate/lambda.md.',
  },
  {
    message: /Replacement type updates not supported on stack with disable-rollback/i,
    hint: 'CloudFormation replaces nothing while rollback is off. Bring the stack back to a stable state, then run deploy-stack with on-failure: rollback.',
  },
  {
    message: /circuit breaker/i,
    hint: 'The new tasks did not become healthy, so ECS gave up. Look at the stopped tasks of the service (their reason and exit code) and at their logs; the resource itself is fine.',
  },
  {
    message: /CIDR.{0,80}(?:conflicts with another subnet|overlap)/i,
    hint: 'Two networks share addresses. Give each subnet a CIDR block of its own inside the block of the VPC.',
  },
  {
    message: /CIDR.{0,80}(?:is invalid|not within|out of range)|InvalidSubnet\.Range/i,
    hint: 'The CIDR block does not lie inside the block of the VPC, or is not a block of /16 to /28.',
  },
  {
    message:
      /maximum number of (?:addresses|VPCs|internet gateways|NAT gateways|[A-Za-z ]+?) has been reached/i,
    hint: 'A quota of the account is used up in this region. Delete what is not needed, or ask for more in Service Quotas.',
  },
  {
    message: /at least two subnets in two different Availability Zones/i,
    hint: 'Give subnets of two different availability zones.',
  },
  {
    message: /bucket you tried to delete is not empty|BucketNotEmpty/i,
    hint: 'Empty the bucket first, all versions included, or set DeletionPolicy: Retain.',
  },
  {
    message:
      /has dependencies and cannot be deleted|has a dependent object|DependencyViolation|currently in use/i,
    hint: 'Something outside of this stack still uses it: most often a network interface, a security group rule or an attachment made by hand. Remove that, then try again.',
  },
  {
    message: /repository with name .* cannot be deleted because it still contains images|RepositoryNotEmpty/i,
    hint: 'Delete the images of the repository first, or set EmptyOnDelete: true on it.',
  },
  {
    message: /deletion ?protection/i,
    hint: 'Deletion protection is on. Switch it off in the template, deploy that, and then delete.',
  },
  {
    message: /The following hook\(s\) failed|^Hook /,
    hint: 'Change the resource so that the hook accepts it, or ask the team that owns the hook.',
  },
  {
    message: /\bTemplateURL\b|S3 error: Access Denied/i,
    type: /^AWS::CloudFormation::Stack$/,
    hint: 'CloudFormation cannot read the nested template. Check its URL, and that the role may read that object in S3.',
  },
  {
    message: /Rate exceeded|ThrottlingException|TooManyRequests/i,
    hint: 'AWS throttled the service behind the resource. Run it again; if it comes back, deploy fewer stacks at once.',
  },
  {
    code: /^AlreadyExists$/,
    hint: 'A resource of that name exists outside of this stack. Delete it, import it into the stack, or leave the name out so that CloudFormation makes one.',
  },
  {
    message: /already exists(?: in stack (\S+))?/i,
    hint: (match) =>
      match[1]
        ? `The stack ${match[1]} has a resource of that name already. Rename one of the two.`
        : 'A resource of that name exists outside of this stack. Delete it, import it into the stack, or leave the name out so that CloudFormation makes one.',
  },
  {
    code: /^(ServiceLimitExceeded|LimitExceeded|LimitExceededException)$/,
    hint: 'A quota of the account is used up in this region. Delete what is not needed, or ask for more in Service Quotas.',
  },
  {
    message: /limit ?exceeded|quota/i,
    hint: 'A quota of the account is used up in this region. Delete what is not needed, or ask for more in Service Quotas.',
  },
  {
    code: /^Throttling$/,
    hint: 'AWS throttled the service behind the resource. Run it again; if it comes back, deploy fewer stacks at once.',
  },
  {
    code: /^NotStabilized$/,
    hint: 'The resource was made, but did not become ready in its time. Look at its own events or logs for what it waited for.',
  },
  {
    message: /did not stabilize|Exceeded attempts to wait|timed? ?out/i,
    hint: 'The resource was made, but did not become ready in its time. Look at its own events or logs for what it waited for.',
  },
  {
    code: /^NotUpdatable$/,
    hint: 'This property cannot be changed on a living resource. Give the resource a new logical id, so that it is created again.',
  },
  {
    message: /custom-named resource requires replacing/i,
    hint: 'A resource with a fixed name cannot be replaced, as both would have that name. Rename it, or leave the name out.',
  },
  {
    message: /The role with name (\S+) cannot be found/,
    hint: (match) =>
      `Create the role ${match[1] ?? ''} first, by its stack or by hand, or correct its name and the account.`,
  },
  {
    code: /^(NotFound|ResourceNotFoundException)$/,
    hint: 'Something it refers to, or the resource itself, does not exist (any more): was it deleted by hand? Check the ids in the message.',
  },
  {
    message: /Encountered unsupported property (\S+)/,
    hint: (match) =>
      `The type has no property ${match[1] ?? ''}. Check its spelling and its level in the template.`,
  },
  {
    code: /^(InvalidRequest|ValidationException|InvalidParameterValue|ValidationError)$/,
    hint: 'The service refused a property. The message says which; correct its value in the template or the parameter behind it.',
  },
  {
    message: /does not exist|not found/i,
    hint: 'Something it refers to, or the resource itself, does not exist (any more): was it deleted by hand? Check the ids in the message.',
  },
  {
    code: /^ResourceConflict$/,
    hint: 'Something else changed the same resource at that moment. Run it again.',
  },
  {
    code: /^(ServiceInternalError|InternalFailure|GeneralServiceException|NetworkFailure|ServiceTimeout)$/,
    hint: 'The service behind the resource failed. Run it again; the AWS Health Dashboard tells of outages.',
  },
];

/** How to fix a failure; undefined when the fix is not certain. */
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
    return `${action}${on} is denied by an explicit Deny: look for it in the policies, boundaries and service control policies of the role.`;
  }
  return `Allow ${action}${on} to the role that CloudFormation works with: the service role (role-arn of deploy-stack, execution-role in platform.yml), or else the role of the job.`;
}

/**
 * A reason without the wrapper of the resource handlers and without request ids, which only AWS Support needs.
 */
export function plainReason(reason: string): string {
  const line = reason.replace(/\s+/g, ' ').trim();
  const said =
    /^Resource handler returned message: "(.*)" \(RequestToken: [^)]*\)\.?$/.exec(line)?.[1] ?? line;
  return said
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
