/** Average seconds that a resource of a type takes to create and to update: published averages of real stacks. */
const SECONDS: Record<string, { create: number; update?: number }> = {
  'AWS::EC2::VPC': { create: 12, update: 2 },
  'AWS::EC2::InternetGateway': { create: 17 },
  'AWS::EC2::NatGateway': { create: 106, update: 5 },
  'AWS::EC2::VPCEndpoint': { create: 60 },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': { create: 116, update: 2 },
  'AWS::ElasticLoadBalancingV2::TargetGroup': { create: 18, update: 6 },
  'AWS::ECS::Cluster': { create: 5, update: 2 },
  // What ECS itself takes for the rollout comes on top.
  'AWS::ECS::Service': { create: 5, update: 2 },
  'AWS::RDS::DBCluster': { create: 222, update: 62 },
  'AWS::RDS::DBInstance': { create: 595, update: 171 },
  'AWS::IAM::Role': { create: 18, update: 10 },
  'AWS::IAM::InstanceProfile': { create: 120 },
  'AWS::KMS::Key': { create: 15, update: 5 },
  'AWS::S3::Bucket': { create: 22, update: 5 },
  'AWS::CloudFront::Distribution': { create: 200, update: 120 },
  'AWS::CertificateManager::Certificate': { create: 90 },
};
const USUAL = { create: 3, update: 3, delete: 2 };
/** Slow to make is slow to take down, about half as slow. */
const DELETE_SHARE = 0.5;

/** Simulated seconds for one piece of work on a resource. */
export function secondsOf(type: string, work: 'create' | 'update' | 'delete'): number {
  const known = SECONDS[type];
  if (!known) return USUAL[work];
  if (work === 'delete') return Math.max(USUAL.delete, known.create * DELETE_SHARE);
  return work === 'create' ? known.create : (known.update ?? USUAL.update);
}
