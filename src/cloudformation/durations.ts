/** What happens to a resource, as its status names it. */
export type ResourceAction = 'create' | 'update' | 'delete' | 'import';

type Seconds = readonly [create: number, update: number, remove: number];

/**
 * Typical seconds of create, update and delete, for types that take longer than the default. Rounded averages
 * as published by AWS users and by the tables of open-source deployers; they serve an estimate, nothing else.
 */
const SECONDS: Readonly<Record<string, Seconds>> = {
  'AWS::ApiGateway::RestApi': [5, 5, 30],
  'AWS::ApplicationAutoScaling::ScalableTarget': [15, 10, 10],
  'AWS::AutoScaling::AutoScalingGroup': [60, 60, 90],
  'AWS::CertificateManager::Certificate': [120, 10, 10],
  'AWS::CloudFront::Distribution': [240, 180, 300],
  'AWS::CloudWatch::Alarm': [6, 6, 6],
  'AWS::DynamoDB::Table': [35, 35, 35],
  'AWS::EC2::EIP': [18, 10, 12],
  'AWS::EC2::FlowLog': [10, 10, 10],
  'AWS::EC2::Instance': [45, 30, 60],
  'AWS::EC2::InternetGateway': [17, 5, 12],
  'AWS::EC2::NatGateway': [106, 5, 60],
  'AWS::EC2::Route': [12, 12, 12],
  'AWS::EC2::RouteTable': [12, 5, 5],
  'AWS::EC2::SecurityGroup': [8, 5, 5],
  'AWS::EC2::Subnet': [8, 5, 5],
  'AWS::EC2::SubnetRouteTableAssociation': [6, 6, 5],
  'AWS::EC2::TransitGateway': [130, 60, 120],
  'AWS::EC2::VPC': [12, 2, 5],
  'AWS::EC2::VPCEndpoint': [75, 60, 120],
  'AWS::EC2::VPCGatewayAttachment': [15, 15, 15],
  'AWS::EC2::VPNGateway': [60, 10, 60],
  'AWS::ECR::Repository': [5, 5, 5],
  'AWS::ECS::Cluster': [5, 2, 5],
  'AWS::ECS::Service': [119, 71, 90],
  'AWS::ECS::TaskDefinition': [4, 4, 4],
  'AWS::EFS::FileSystem': [15, 10, 15],
  'AWS::EFS::MountTarget': [100, 10, 60],
  'AWS::EKS::Cluster': [600, 300, 300],
  'AWS::EKS::Nodegroup': [150, 200, 240],
  'AWS::ElastiCache::CacheCluster': [300, 120, 240],
  'AWS::ElastiCache::ReplicationGroup': [600, 300, 400],
  'AWS::ElastiCache::ServerlessCache': [150, 60, 120],
  'AWS::ElasticLoadBalancingV2::Listener': [5, 5, 5],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': [116, 2, 30],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [18, 6, 6],
  'AWS::IAM::InstanceProfile': [125, 10, 5],
  'AWS::IAM::ManagedPolicy': [17, 10, 5],
  'AWS::IAM::Policy': [17, 10, 5],
  'AWS::IAM::Role': [20, 15, 8],
  'AWS::KMS::Key': [25, 10, 5],
  'AWS::Lambda::Function': [15, 12, 8],
  'AWS::Lambda::EventSourceMapping': [25, 20, 25],
  'AWS::MSK::Cluster': [1500, 900, 900],
  'AWS::OpenSearchService::Domain': [1000, 900, 600],
  'AWS::RDS::DBCluster': [222, 62, 180],
  'AWS::RDS::DBInstance': [595, 171, 300],
  'AWS::RDS::DBProxy': [300, 60, 120],
  'AWS::RDS::DBSubnetGroup': [8, 8, 8],
  'AWS::Redshift::Cluster': [300, 120, 180],
  'AWS::Route53::HostedZone': [45, 10, 45],
  'AWS::Route53::RecordSet': [40, 40, 40],
  'AWS::S3::Bucket': [22, 20, 10],
  'AWS::SecretsManager::Secret': [8, 5, 5],
  'AWS::ServiceDiscovery::PrivateDnsNamespace': [50, 20, 50],
  'AWS::SNS::Topic': [12, 10, 5],
  'AWS::SQS::Queue': [65, 10, 60],
};

const DEFAULT: Seconds = [8, 6, 6];

/** Typical duration in seconds. */
export function typicalSeconds(type: string, action: ResourceAction): number {
  const [create, update, remove] = SECONDS[type] ?? DEFAULT;
  if (action === 'delete') return remove;
  return action === 'create' ? create : update;
}
