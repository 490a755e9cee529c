import { describe, expect, test } from '@jest/globals';
import { errorCodeOf, hintFor } from '../../../../src/cloudformation/diagnosis/hints.ts';

/** Reasons in AWS's words. */
const CASES: [reason: string, hint: RegExp, type?: string][] = [
  [
    'No export named dev-VpcId found. Rollback requested by user.',
    /^Deploy the stack that exports dev-VpcId first/,
  ],
  [
    'Export dev-VpcId cannot be updated as it is in use by dev-shop-service',
    /^Remove the import of dev-VpcId from dev-shop-service first/,
  ],
  [
    'Cannot delete export dev-VpcId as it is in use by dev-shop-service.',
    /^Remove the import of dev-VpcId from dev-shop-service first/,
  ],
  [
    'Export with name dev-VpcId is already exported by stack dev-old. Rollback requested by user.',
    /Rename dev-VpcId, or remove it from dev-old/,
  ],
  [
    'Action denied by stack policy: Statement [#1] does not allow [Update:Replace] for resource [LogicalResourceId/Db]',
    /stack-policy that allows this update/,
  ],
  [
    'User: arn:aws:sts::111111111111:assumed-role/ci/x is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111111111111:role/web because no identity-based policy allows the iam:CreateRole action (Service: Iam, Status Code: 403; HandlerErrorCode: AccessDenied)',
    /^Grant iam:CreateRole on arn:aws:iam::111111111111:role\/web to the role that CloudFormation uses/,
  ],
  [
    'is not authorized to perform: ec2:CreateVpc with an explicit deny in a service control policy',
    /^Grant ec2:CreateVpc/,
  ],
  [
    'is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:x because explicit deny in a service control policy',
    /explicit Deny of ec2:CreateVpc on arn:aws:ec2:x/,
  ],
  ['You are not authorized. Encoded authorization failure message: abc', /decode-authorization-message/],
  ['Access denied (HandlerErrorCode: AccessDenied)', /^Grant the action in the message to the role/],
  [
    'The role with name shop-dev-execution cannot be found. (HandlerErrorCode: GeneralServiceException)',
    /^Create the role shop-dev-execution first/,
  ],
  ["Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.", /stopped tasks/],
  [
    'Resource handler returned message: "The image manifest, config or layer media type for the source image 111111111111.dkr.ecr.eu-west-1.amazonaws.com/report:1 is not supported. (Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)',
    /provenance: false.*docs\/migrate\/lambda\.md/,
  ],
  [
    'The image manifest or layer media type for the source image report@sha256:1 is not supported.',
    /Lambda does not support image indexes/,
  ],
  [
    "The CIDR '10.0.0.0/24' conflicts with another subnet (Service: Ec2, HandlerErrorCode: AlreadyExists)",
    /its own CIDR block/,
  ],
  ["The CIDR '10.9.0.0/24' is invalid. (HandlerErrorCode: InvalidRequest)", /within the VPC's CIDR block/],
  ['The maximum number of addresses has been reached. (HandlerErrorCode: ServiceLimitExceeded)', /quota/],
  ['Performing this operation would exceed the limit of 5 NAT gateways', /quota/],
  ['The specified hosted zone does not exist. (Service: AmazonRoute53; Status Code: 404)', /hosted zone id/],
  ['[RRSet with DNS name a.example.org. is not permitted in zone example.com.]', /hosted zone id/],
  [
    "Certificate 'arn:aws:acm:eu-west-1:111111111111:certificate/1' not found (HandlerErrorCode: GeneralServiceException)",
    /in this account and region whose status is ISSUED/,
  ],
  [
    "The certificate 'arn:x' must have a fully-qualified domain name, a supported signature, and a supported key size.",
    /whose status is ISSUED/,
  ],
  [
    'At least two subnets in two different Availability Zones must be specified',
    /at least two Availability Zones/,
  ],
  [
    'The bucket you tried to delete is not empty (HandlerErrorCode: GeneralServiceException)',
    /Empty the bucket/,
  ],
  ['resource sg-1 has a dependent object (Error Code: DependencyViolation)', /still uses the resource/],
  [
    "The repository with name 'web' in registry with id '1' cannot be deleted because it still contains images",
    /EmptyOnDelete/,
  ],
  [
    'Cannot delete protected DB Instance, please disable deletion protection and try again.',
    /Disable deletion protection/,
  ],
  ['The following hook(s) failed: [A::B::C]', /hook/],
  ['S3 error: Access Denied', /nested template/, 'AWS::CloudFormation::Stack'],
  ['Rate exceeded (HandlerErrorCode: Throttling)', /throttles it again/],
  [
    "Resource of type 'AWS::S3::Bucket' with identifier 'x' already exists. (HandlerErrorCode: AlreadyExists)",
    /import-existing-resources/,
  ],
  [
    'web already exists in stack arn:aws:cloudformation:eu-west-1:111111111111:stack/other/1',
    /the stack .*other.* already has a resource of that name/,
  ],
  ['x (HandlerErrorCode: ServiceLimitExceeded)', /quota/],
  ['x (HandlerErrorCode: NotStabilized)', /did not stabilize in time/],
  ['Exceeded attempts to wait', /did not stabilize in time/],
  ['x (HandlerErrorCode: NotUpdatable)', /new logical id/],
  [
    'CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename web and update the stack again.',
    /Rename the resource/,
  ],
  ['x (HandlerErrorCode: NotFound)', /deleted outside CloudFormation/],
  ['Encountered unsupported property CidrBlok', /spelling and the indentation of CidrBlok/],
  ['Value is out of range (HandlerErrorCode: InvalidRequest)', /Correct the property/],
  ['x (HandlerErrorCode: ResourceConflict)', /Run the deployment again/],
  ['x (HandlerErrorCode: ServiceInternalError)', /Health Dashboard/],
];

describe('hints', () => {
  test.each(CASES)('%s', (reason, hint, type = 'AWS::EC2::VPC') => {
    const code = errorCodeOf(reason);
    expect(hintFor({ type, reason, ...(code ? { code } : {}) })).toMatch(hint);
  });

  test('has no hint for a failure that is not in the list', () => {
    expect(hintFor({ type: 'Custom::Thing', reason: 'boom' })).toBeUndefined();
  });
});

test.each([
  ['(Service: X; HandlerErrorCode: AlreadyExists)', 'AlreadyExists'],
  ['RequestToken: 1, HandlerErrorCode:NotFound)', 'NotFound'],
  [
    '(Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnet.Range; Request ID: x)',
    'InvalidSubnet.Range',
  ],
  ['nothing', undefined],
])('the code of %s', (reason, code) => {
  expect(errorCodeOf(reason)).toBe(code);
});
