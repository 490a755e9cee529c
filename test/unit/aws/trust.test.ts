import { expect, test } from '@jest/globals';
import { explainDenial } from '../../../src/aws/oidc.ts';

const claims = {
  sub: 'repo:org/platform:environment:dev',
  aud: 'sts.amazonaws.com',
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'org/platform',
  environment: 'dev',
  job_workflow_ref: 'org/platform/.github/workflows/pipeline.yml@refs/heads/main',
  run_id: '7',
  exp: 1_700_000_000,
};

test("shows the token's claims and the matching statement", () => {
  const { message, fix: text } = explainDenial('arn:aws:iam::111111111111:role/deploy', claims);
  expect(message).toContain('assume arn:aws:iam::111111111111:role/deploy');
  expect(text).toMatch(/^ {2}sub +repo:org\/platform:environment:dev$/m);
  expect(text).toMatch(/^ {2}environment +dev$/m);
  expect(text).toMatch(/^ {2}job_workflow_ref +org\/platform/m);
  expect(text).not.toContain('run_id');
  const statement: unknown = JSON.parse(text.slice(text.indexOf('{'), text.indexOf('\nClaims')));
  expect(statement).toEqual({
    Effect: 'Allow',
    Principal: {
      Federated: 'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com',
    },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: {
      StringEquals: {
        'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
        'token.actions.githubusercontent.com:sub': 'repo:org/platform:environment:dev',
      },
    },
  });
});

test('another partition and another issuer', () => {
  const { fix: text } = explainDenial('arn:aws-cn:iam::111111111111:role/deploy', {
    ...claims,
    iss: 'https://github.example/_services/token',
  });
  expect(text).toContain('arn:aws-cn:iam::111111111111:oidc-provider/github.example/_services/token');
  expect(text).toContain('"github.example/_services/token:sub"');
});
