import { isObject, type Json, type JsonObject, textOf } from '../json.ts';

/** The properties of a resource before and after. `before` is empty for a new resource. */
export interface Change {
  before: JsonObject;
  after: JsonObject;
}

type Need = (change: Change) => boolean;

interface Rule {
  actions: RegExp;
  needed: Need;
  why: string;
}

/** If one of these properties exists, at any depth, before or after. */
const has =
  (...names: string[]): Need =>
  ({ before, after }) =>
    names.some((name) => hasKey(before, name) || hasKey(after, name));
/** If a property is removed. */
const loses =
  (name: string): Need =>
  ({ before, after }) =>
    hasKey(before, name) && !hasKey(after, name);
const changes =
  (name: string): Need =>
  ({ before, after }) =>
    before[name] !== undefined && textOf(before[name]) !== textOf(after[name]);
const is =
  (name: string, ...values: string[]): Need =>
  ({ after }) =>
    values.includes(textOf(after[name]));
/** If the properties contain a text, such as the name of a service in an ARN. */
const mentions =
  (text: string): Need =>
  ({ before, after }) =>
    JSON.stringify([before, after]).includes(text);

function hasKey(value: Json | undefined, name: string): boolean {
  if (Array.isArray(value)) return value.some((item) => hasKey(item, name));
  if (!isObject(value)) return false;
  return Object.entries(value).some(([key, item]) => key === name || hasKey(item, name));
}

const rule = (actions: RegExp, needed: Need, why: string): Rule => ({ actions, needed, why });

/** For every type. */
const COMMON: readonly Rule[] = [
  rule(/^iam:(PassRole|GetRole)$/, mentions(':role/'), 'a role is passed only if a property names one'),
  rule(
    /^kms:/,
    ({ before, after }) => /kms|EncryptionKeyArn/i.test(JSON.stringify([before, after])),
    'a key is used only if a property names one or enables KMS',
  ),
  rule(
    /^secretsmanager:/,
    has('ManageMasterUserPassword', 'GenerateSecretString', 'SecretString', 'Description'),
    'RDS creates a secret only to manage the password',
  ),
];

/**
 * Actions in the schemas of handlers that are only needed with some properties, by type. All other actions are always
 * needed.
 */
const BY_TYPE: Readonly<Record<string, readonly Rule[]>> = {
  'AWS::ApplicationAutoScaling::ScalableTarget': [
    rule(/^lambda:/, is('ServiceNamespace', 'lambda'), 'provisioned concurrency'),
    rule(/:(Put|Delete)ScheduledAction$/, has('ScheduledActions'), 'scheduled actions'),
  ],
  'AWS::Budgets::Budget': [rule(/^billing:/, has('BillingViewArn'), 'a billing view')],
  'AWS::CertificateManager::Certificate': [
    rule(/^acm-pca:/, has('CertificateAuthorityArn'), 'a private authority'),
    rule(/^route53:/, has('HostedZoneId'), 'validation by DNS in a zone'),
    rule(
      /:UpdateCertificateOptions$/,
      has('CertificateTransparencyLoggingPreference', 'CertificateExport'),
      'options',
    ),
  ],
  'AWS::DynamoDB::Table': [
    rule(
      /^kinesis:|KinesisStreamingDestination$/,
      has('KinesisStreamSpecification'),
      'a stream of Kinesis that receives the changes',
    ),
    rule(
      /^(s3|logs):|:(Import|BatchWrite)\w+$|:DescribeImport$/,
      has('ImportSourceSpecification'),
      'an import',
    ),
    rule(
      /Replica$|:(Delete|Get|Put|Update)Item$|:(Query|Scan)$/,
      () => false,
      'replicas, which only AWS::DynamoDB::GlobalTable has',
    ),
    rule(
      /^iam:CreateServiceLinkedRole$|:UpdateContributorInsights$/,
      has('ContributorInsightsSpecification'),
      'Contributor Insights',
    ),
    rule(/:UpdateContinuousBackups$/, has('PointInTimeRecoverySpecification'), 'recovery to a point in time'),
    rule(/:UpdateTimeToLive$/, has('TimeToLiveSpecification'), 'items that expire'),
    rule(/:(Put|Delete)ResourcePolicy$/, has('ResourcePolicy'), 'a policy of the table'),
  ],
  'AWS::EC2::EIP': [
    rule(/:AcceptAddressTransfer$/, has('TransferAddress'), 'an address of another account'),
    rule(/:AssociateAddress$/, has('InstanceId'), 'the address of an instance'),
  ],
  'AWS::EC2::FlowLog': [
    rule(
      /^(iam:CreateServiceLinkedRole|s3:|logs:(Create|Delete)LogDelivery)/,
      (change) => !is('LogDestinationType', 'cloud-watch-logs')(change) && has('LogDestination')(change),
      'delivery to S3 or Firehose; to CloudWatch Logs, the role of DeliverLogsPermissionArn writes',
    ),
  ],
  'AWS::EC2::NatGateway': [
    rule(
      /:(Assign|Unassign|Associate|Disassociate)/,
      has('SecondaryAllocationIds', 'SecondaryPrivateIpAddresses', 'SecondaryPrivateIpAddressCount'),
      'secondary addresses',
    ),
  ],
  'AWS::EC2::Subnet': [rule(/SubnetCidrBlock$/, has('Ipv6CidrBlock', 'Ipv6IpamPoolId'), 'IPv6')],
  'AWS::EC2::VPC': [rule(/:CreateVpcEncryptionControl$/, has('VpcEncryptionControl'), 'encryption control')],
  'AWS::EC2::VPCEndpoint': [
    rule(
      /^vpc-lattice:/,
      has('ServiceNetworkArn', 'ResourceConfigurationArn'),
      'a service network of VPC Lattice',
    ),
    rule(/^vpce:/, has('ServiceRegion'), 'a service of another region'),
  ],
  'AWS::EC2::VPCGatewayAttachment': [
    rule(/(Attach|Detach)VpnGateway$/, has('VpnGatewayId'), 'a VPN gateway'),
    rule(/(Attach|Detach)InternetGateway$/, has('InternetGatewayId'), 'an internet gateway'),
  ],
  'AWS::ECR::Repository': [
    rule(/RepositoryPolicy$/, has('RepositoryPolicyText'), 'a policy'),
    rule(/LifecyclePolicy$/, has('LifecyclePolicy'), 'a lifecycle policy'),
  ],
  'AWS::ECS::Cluster': [
    rule(
      /:PutAccountSetting/,
      changes('ClusterSettings'),
      'Container Insights is a setting of the account too',
    ),
  ],
  'AWS::ElasticLoadBalancingV2::Listener': [
    rule(/^cognito-idp:/, has('AuthenticateCognitoConfig'), 'authentication by Cognito'),
    rule(/:ModifyListenerAttributes$/, has('ListenerAttributes'), 'attributes'),
  ],
  'AWS::ElasticLoadBalancingV2::ListenerRule': [
    rule(/^cognito-idp:/, has('AuthenticateCognitoConfig'), 'authentication by Cognito'),
  ],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [
    rule(/:(Register|Deregister)Targets$/, has('Targets'), 'targets of the template; those of ECS are not'),
  ],
  'AWS::IAM::ManagedPolicy': [
    rule(/(Attach|Detach)GroupPolicy$/, has('Groups'), 'groups'),
    rule(/(Attach|Detach)UserPolicy$/, has('Users'), 'users'),
    rule(/(Attach|Detach)RolePolicy$/, has('Roles'), 'roles'),
  ],
  'AWS::IAM::Role': [
    rule(/(Attach|Detach)RolePolicy$/, has('ManagedPolicyArns'), 'managed policies'),
    rule(/(Put|Delete)RolePolicy$/, has('Policies'), 'inline policies'),
    rule(/:GetRolePolicy$/, has('Policies'), 'inline policies'),
    rule(/:PutRolePermissionsBoundary$/, has('PermissionsBoundary'), 'a boundary'),
    rule(/:DeleteRolePermissionsBoundary$/, loses('PermissionsBoundary'), 'the boundary is removed'),
  ],
  'AWS::KMS::Key': [
    rule(/:(DisableKey|EnableKey)$/, has('Enabled'), 'a key that is disabled or enabled'),
    rule(/:EnableKeyRotation$/, is('EnableKeyRotation', 'true'), 'rotation'),
    rule(
      /:DisableKeyRotation$/,
      (change) => changes('EnableKeyRotation')(change) && !is('EnableKeyRotation', 'true')(change),
      'rotation is disabled',
    ),
  ],
  'AWS::Lambda::Function': [
    rule(/^(elasticfilesystem|s3files):/, has('FileSystemConfigs'), 'a file system'),
    rule(/^ec2:/, has('VpcConfig'), 'a function in a VPC'),
    rule(/^s3:/, has('S3Bucket'), 'code in S3'),
    // "If you request the current version of an object without a specific versionId in the request header, only the
    // s3:GetObject permission is required": https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    rule(/:GetObjectVersion$/, has('S3ObjectVersion'), 'a version of the code in S3'),
    rule(
      /:(Get|Put|Delete|Update)(Function)?CodeSigningConfig$/,
      has('CodeSigningConfigArn'),
      'code signing',
    ),
    rule(/:GetLayerVersion$/, has('Layers'), 'layers'),
    rule(/:PassCapacityProvider$/, has('CapacityProviderConfig'), 'a capacity provider'),
    rule(/:(Put|Delete)FunctionConcurrency$/, has('ReservedConcurrentExecutions'), 'reserved concurrency'),
    rule(/:(Put|Get)FunctionRecursionConfig$/, has('RecursiveLoop'), 'recursion'),
    rule(/:(Put|Get)FunctionScalingConfig$/, has('FunctionScalingConfig'), 'scaling'),
    rule(/:(Put|Get)RuntimeManagementConfig$/, has('RuntimeManagementConfig'), 'runtime management'),
    rule(/:PublishVersion$/, has('PublishToLatestPublished'), 'versions'),
  ],
  'AWS::Logs::LogGroup': [
    rule(/^(firehose|s3):|:CreateLogDelivery$/, is('LogGroupClass', 'DELIVERY'), 'the class DELIVERY'),
    rule(/:(Put|Delete)DataProtectionPolicy$/, has('DataProtectionPolicy'), 'data protection'),
    rule(/:(Put|Delete)IndexPolicy$/, has('FieldIndexPolicies'), 'field indexes'),
    rule(/:(Put|Delete)ResourcePolicy$/, has('ResourcePolicyDocument'), 'a resource policy'),
    rule(/RetentionPolicy$/, has('RetentionInDays'), 'retention'),
    rule(/:PutBearerTokenAuthentication$/, has('BearerTokenAuthenticationEnabled'), 'bearer tokens'),
    rule(/:PutLogGroupDeletionProtection$/, has('DeletionProtectionEnabled'), 'deletion protection'),
    rule(/(Associate|Disassociate)KmsKey$/, has('KmsKeyId'), 'a key'),
  ],
  'AWS::RDS::DBCluster': [
    rule(/RoleToDBCluster$|RoleFromDBCluster$/, has('AssociatedRoles'), 'associated roles'),
    rule(/:RestoreDBClusterFromSnapshot$/, has('SnapshotIdentifier'), 'a snapshot'),
    rule(/:RestoreDBClusterToPointInTime$/, has('SourceDBClusterIdentifier'), 'another cluster'),
    rule(
      /:(Create|Modify|Delete)DBInstance$/,
      has('DBClusterInstanceClass'),
      'a Multi-AZ cluster, whose instances RDS creates',
    ),
    rule(/HttpEndpoint$/, has('EnableHttpEndpoint'), 'the data API'),
    rule(/:RemoveFromGlobalCluster$/, has('GlobalClusterIdentifier'), 'a global cluster'),
    rule(/^secretsmanager:/, has('ManageMasterUserPassword'), 'a password that RDS manages'),
  ],
  'AWS::RDS::DBInstance': [
    rule(
      /RoleToDBInstance$|RoleFromDBInstance$|^iam:(GetRole|ListRoles)$/,
      has('AssociatedRoles'),
      'associated roles',
    ),
    rule(
      /:CreateDBInstanceReadReplica$|:PromoteReadReplica$/,
      has('SourceDBInstanceIdentifier', 'SourceDBClusterIdentifier'),
      'a replica',
    ),
    rule(
      /:RestoreDBInstance/,
      has('DBSnapshotIdentifier', 'DBClusterSnapshotIdentifier', 'RestoreTime', 'UseLatestRestorableTime'),
      'a snapshot or a time',
    ),
    rule(
      /AutomatedBackupsReplication$/,
      has('AutomaticBackupReplicationRegion'),
      'backups in another region',
    ),
    rule(/:RebootDBInstance$/, has('DBParameterGroupName'), 'parameters that wait for a restart'),
    rule(/^secretsmanager:/, has('ManageMasterUserPassword'), 'a password that RDS manages'),
  ],
  'AWS::RDS::EventSubscription': [rule(/SourceIdentifier/, changes('SourceIds'), 'sources')],
  'AWS::Route53::RecordSet': [rule(/:ListHostedZones$/, has('HostedZoneName'), 'a zone by its name')],
  'AWS::S3::Bucket': [
    rule(
      /^s3tables:|MetadataTable|MetadataInventory|MetadataJournal|MetadataAnnotation|:DeleteObject$/,
      has('MetadataTableConfiguration', 'MetadataConfiguration'),
      'metadata tables',
    ),
    rule(/:PutAccelerateConfiguration$/, has('AccelerateConfiguration'), 'acceleration'),
    rule(/AnalyticsConfiguration$/, has('AnalyticsConfigurations'), 'analytics'),
    rule(/:PutBucketAbac$/, has('AbacStatus'), 'access by tags'),
    rule(/:(Put|Delete)BucketC(ORS|ors)$/, has('CorsConfiguration'), 'CORS'),
    rule(/:PutBucketLogging$/, has('LoggingConfiguration'), 'access logs'),
    rule(/:PutBucketNotification$/, has('NotificationConfiguration'), 'notifications'),
    rule(/ObjectLockConfiguration$/, has('ObjectLockConfiguration', 'ObjectLockEnabled'), 'object lock'),
    rule(/:PutBucketOwnershipControls$/, has('OwnershipControls'), 'ownership'),
    rule(/:PutBucketPublicAccessBlock$/, has('PublicAccessBlockConfiguration'), 'no public access'),
    rule(/Replication/, has('ReplicationConfiguration'), 'replication'),
    rule(/:PutBucketVersioning$/, has('VersioningConfiguration'), 'versions'),
    rule(/:(Put|Delete)BucketWebsite$/, has('WebsiteConfiguration'), 'a website'),
    rule(/:PutEncryptionConfiguration$|:DeleteBucketEncryption$/, has('BucketEncryption'), 'encryption'),
    rule(/:PutIntelligentTieringConfiguration$/, has('IntelligentTieringConfigurations'), 'tiering'),
    rule(/:PutInventoryConfiguration$/, has('InventoryConfigurations'), 'inventories'),
    rule(/:PutLifecycleConfiguration$|:DeleteBucketLifecycle$/, has('LifecycleConfiguration'), 'a lifecycle'),
    rule(/MetricsConfiguration$/, has('MetricsConfigurations'), 'metrics'),
    rule(/:Put(Object|Bucket)Acl$|:GetBucketAcl$/, has('AccessControl'), 'ACLs'),
  ],
  'AWS::SNS::Topic': [
    rule(/:(Subscribe|Unsubscribe)$/, has('Subscription'), 'subscriptions of the topic itself'),
    rule(/:PutDataProtectionPolicy$/, has('DataProtectionPolicy'), 'data protection'),
  ],
  'AWS::SecretsManager::Secret': [
    rule(/:GetRandomPassword$/, has('GenerateSecretString'), 'a generated value'),
    rule(/Replicat/, has('ReplicaRegions'), 'replicas'),
    rule(
      /:GetSecretValue$/,
      changes('GenerateSecretString'),
      'the value is write-only in the schema: no read compares it, and only a changed rule generates a new one',
    ),
  ],
  'AWS::WAFv2::LoggingConfiguration': [
    rule(/^firehose:|^iam:CreateServiceLinkedRole$/, mentions(':firehose:'), 'logs by Firehose'),
    rule(/^s3:/, mentions(':s3:'), 'logs in S3'),
    rule(/^logs:/, mentions(':logs:'), 'logs in CloudWatch Logs'),
  ],
  'AWS::WAFv2::WebACLAssociation': [
    ...[
      'amplify',
      'apigateway',
      'apprunner',
      'appsync',
      'bedrock-agentcore',
      'cognito-idp',
      'elasticloadbalancing',
    ].map((service) =>
      rule(new RegExp(`^${service}:`), mentions(`:${service}:`), `a resource of ${service}`),
    ),
    rule(/^ec2:/, mentions(':verified-access-instance/'), 'Verified Access'),
    // "Permissions for AssociateWebACL", AWS WAF API Reference
    rule(
      /:(Get|Put)PermissionPolicy$/,
      (change) => !mentions(':elasticloadbalancing:')(change),
      'no load balancer',
    ),
  ],
};

/** Actions that add or remove tags. */
const TAGS = /:(Tag\w*|AddTags\w*|CreateTags|PutBucketTagging)$/;
const UNTAGS = /:(Untag\w*|RemoveTags\w*|DeleteTags)$/;

/** Tags by key, before and after. */
export interface TagChange {
  before: Readonly<Record<string, string>>;
  after: Readonly<Record<string, string>>;
}

/**
 * Whether a handler needs an action in its schema. Tag actions are needed only if there are tags, and on an update only
 * if they change; the tables above determine the rest.
 */
export function isNeeded(type: string, action: string, change: Change, tags: TagChange): boolean {
  if (TAGS.test(action) && !Object.entries(tags.after).some(([key, value]) => tags.before[key] !== value))
    return false;
  if (UNTAGS.test(action) && !Object.keys(tags.before).some((key) => !(key in tags.after))) return false;
  const rules = (BY_TYPE[type] ?? []).filter(({ actions }) => actions.test(action));
  // Keys are created by kms:CreateKey, whatever their properties.
  const isOwn = type.startsWith('AWS::KMS::') && action.startsWith('kms:');
  const common = isOwn ? [] : COMMON.filter(({ actions }) => actions.test(action));
  const all = rules.length > 0 ? rules : common;
  return all.every(({ needed }) => needed(change));
}
