import { describe, expect, test } from '@jest/globals';
import { repositoryOf, requireOwnRepository } from '../../../actions/build-push-image/repository.ts';

const OWN = '111111111111.dkr.ecr.eu-west-1.amazonaws.com';

function session(account: string) {
  return { region: 'eu-west-1', accountId: () => Promise.resolve(account) };
}

test.each([
  ['shop/app', { repository: 'shop/app' }],
  ['app', { repository: 'app' }],
  ['org.example', { repository: 'org.example' }],
  [`${OWN}/shop/app`, { repository: 'shop/app', account: '111111111111' }],
  [`${OWN}/org.example/app`, { repository: 'org.example/app', account: '111111111111' }],
  ['111111111111.dkr-ecr.eu-west-1.on.aws/app', { repository: 'app', account: '111111111111' }],
])('%s is an ECR repository', (given, expected) => {
  expect(repositoryOf(given, 'eu-west-1')).toEqual(expected);
});

describe('refused, with a fix', () => {
  test.each([
    'ghcr.io/org/app',
    'docker.io/org/app',
    'index.docker.io/library/app',
    'public.ecr.aws/org/app',
    'localhost:5000/app',
    'localhost/app',
    'registry.example.com/app',
    '[::1]:5000/app',
    '1.dkr.ecr.eu-west-1.amazonaws.com/app',
  ])('%s, another registry', (given) => {
    expect(() => repositoryOf(given, 'eu-west-1')).toThrow(
      /^repository: expected an ECR repository such as shop\/user-service, got ".*"\. To push to .*, add it to the input also/,
    );
  });

  test('another region', () => {
    const given = '111111111111.dkr.ecr.us-east-1.amazonaws.com/app';
    expect(() => repositoryOf(given, 'eu-west-1')).toThrow(
      /Set aws-region to us-east-1, or add it to the input also/,
    );
    expect(repositoryOf(given, undefined)).toMatchObject({ repository: 'app' });
  });

  test('another account', async () => {
    await expect(requireOwnRepository(`${OWN}/app`, session('222222222222'))).rejects.toThrow(
      /expected a repository in the account 222222222222 of the job's credentials.* Use a role in 111111111111, or add it to the input also/,
    );
    await expect(requireOwnRepository(`${OWN}/app`, session('111111111111'))).resolves.toBeUndefined();
  });

  test.each(['Upper/Case', 'app:v1', `${OWN}/app:v1`, `${OWN}/`, 'a', '/app', 'app/'])(
    '%s, an invalid name',
    (given) => {
      expect(() => repositoryOf(given, 'eu-west-1')).toThrow(
        /expected the name of a repository in lower case and without a tag, such as shop\/user-service/,
      );
    },
  );
});
