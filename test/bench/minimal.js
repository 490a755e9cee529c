import * as core from '@actions/core';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';

// The least that an action on CloudFormation can be: the yardstick for our own start-up.
const client = new CloudFormationClient({ region: core.getInput('aws-region') });
const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: core.getInput('stack-name') }));
core.setOutput('status', Stacks?.[0]?.StackStatus);
