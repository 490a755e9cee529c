/** Templates that a newcomer writes, with their own names and parameters, and with those that platform.yml supplies. */
export const OWN_TEMPLATES: Readonly<Record<string, string>> = {
  'templates/own-rights.yml': `Description: What the roles of the platform may do beside what its own layers need
Parameters:
  Project:
    Type: String
  Environment:
    Type: String
Resources:
  MakeTables:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles:
        - !Sub '\${Project}-\${Environment}-execution'
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action:
              - dynamodb:CreateTable
              - dynamodb:DeleteTable
              - dynamodb:Describe*
              - dynamodb:GetResourcePolicy
              - dynamodb:ListTagsOfResource
              - dynamodb:TagResource
              - dynamodb:UntagResource
              - dynamodb:UpdateTable
            Resource: !Sub 'arn:\${AWS::Partition}:dynamodb:\${AWS::Region}:\${AWS::AccountId}:table/\${Environment}-\${Project}-*'
  ReadTables:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles:
        - !Sub '\${Project}-\${Environment}-plan'
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action:
              - dynamodb:Describe*
              - dynamodb:GetResourcePolicy
              - dynamodb:ListTagsOfResource
            Resource: !Sub 'arn:\${AWS::Partition}:dynamodb:\${AWS::Region}:\${AWS::AccountId}:table/\${Environment}-\${Project}-*'
`,
  'templates/orders-queue.yml': `Description: Orders that wait to be shipped
Parameters:
  Project:
    Type: String
  Environment:
    Type: String
  Retries:
    Type: Number
    Default: 3
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub '\${Environment}-\${Project}-shipping'
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt Failed.Arn
        maxReceiveCount: !Ref Retries
  Failed:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub '\${Environment}-\${Project}-shipping-failed'
  OrdersUrl:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub '/\${Project}/\${Environment}/shipping/queue'
      Type: String
      Value: !Ref Orders
`,
  'templates/sessions-table.yml': `Description: Sessions of customers
Parameters:
  Project:
    Type: String
  Environment:
    Type: String
Resources:
  Sessions:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      TableName: !Sub '\${Environment}-\${Project}-sessions'
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - AttributeName: id
          AttributeType: S
      KeySchema:
        - AttributeName: id
          KeyType: HASH
  SessionsName:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub '/\${Project}/\${Environment}/sessions/table'
      Type: String
      Value: !Ref Sessions
`,
  'templates/shipper.yml': `Description: A worker in a shape of its own
Parameters:
  Project:
    Type: String
  Environment:
    Type: String
  ServiceName:
    Type: String
  Image:
    Type: AWS::SSM::Parameter::Value<String>
  EcsCluster:
    Type: AWS::SSM::Parameter::Value<String>
  Subnets:
    Type: AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>
  QueueUrl:
    Type: AWS::SSM::Parameter::Value<String>
  PermissionsBoundary:
    Type: String
  Workers:
    Type: Number
    Default: 1
Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub '\${Environment}-\${Project}-\${ServiceName}'
      RetentionInDays: 30
  ExecutionRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '\${Environment}-\${Project}-\${ServiceName}-execution'
      PermissionsBoundary: !Sub 'arn:\${AWS::Partition}:iam::\${AWS::AccountId}:policy/\${PermissionsBoundary}'
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: { Service: ecs-tasks.amazonaws.com }
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub 'arn:\${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy'
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub '\${Environment}-\${Project}-\${ServiceName}'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      Cpu: '256'
      Memory: '512'
      RuntimePlatform: { CpuArchitecture: ARM64, OperatingSystemFamily: LINUX }
      ExecutionRoleArn: !GetAtt ExecutionRole.Arn
      ContainerDefinitions:
        - Name: !Ref ServiceName
          Image: !Ref Image
          Environment:
            - { Name: QUEUE_URL, Value: !Ref QueueUrl }
          LogConfiguration:
            LogDriver: awslogs
            Options:
              awslogs-group: !Ref Logs
              awslogs-region: !Ref AWS::Region
              awslogs-stream-prefix: shipper
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: !Ref EcsCluster
      TaskDefinition: !Ref Task
      DesiredCount: !Ref Workers
      LaunchType: FARGATE
      NetworkConfiguration:
        AwsvpcConfiguration:
          Subnets: !Ref Subnets
      DeploymentConfiguration:
        DeploymentCircuitBreaker: { Enable: true, Rollback: true }
`,
};
