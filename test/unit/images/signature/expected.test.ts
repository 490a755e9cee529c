import { describe, expect, test } from '@jest/globals';
import {
  type CertificateIdentity,
  type ExpectedSigner,
  identityMismatch,
  readSigner,
  signerProblem,
  type SignerText,
} from '../../../../src/images/signature/expected.ts';
import { fc } from '../../../support/property.ts';

const GITHUB = 'https://github.com/';
const CASES = 2000;

type Keyless = Exclude<ExpectedSigner, { kind: 'key' }>;
const signerOf = (text: SignerText): Keyless => {
  expect(signerProblem(text)).toBeUndefined();
  return readSigner(text, '.') as Keyless;
};

const word = fc.stringMatching(/^[a-z][a-zA-Z0-9.-]{0,8}$/);
const repository = fc.tuple(word, word).map(([owner, name]) => `${owner}/${name}`);
const file = word.map((name) => `.github/workflows/${name}.yml`);
const ref = fc
  .tuple(fc.constantFrom('refs/heads/', 'refs/tags/'), word, fc.constantFrom('', '/x', '.1'))
  .map((parts) => parts.join(''));

/** A rule for a workflow, and the certificate of a signer that it accepts. */
const pairs = fc
  .tuple(repository, file, ref, fc.option(repository), fc.option(ref))
  .map(([own, path, at, other, version]): { text: SignerText; found: CertificateIdentity } => {
    const isOther = other !== null && other !== own;
    const pinned = isOther && version !== null ? `@${version}` : '';
    const workflow = isOther ? `${other}/${path}` : path;
    return {
      text: { repository: own, workflow: `${workflow}${pinned}`, ref: at },
      found: {
        issuer: 'https://token.actions.githubusercontent.com',
        identity: `${GITHUB}${isOther ? other : own}/${path}@${isOther ? (version ?? 'refs/heads/x') : at}`,
        sourceRepository: GITHUB + own,
        sourceRef: at,
      },
    };
  });

/** A change of one character, or at both ends, for look-alikes. */
const change = fc.oneof(
  fc
    .tuple(
      fc.nat(),
      fc.constantFrom('a', 'Z', '0', '/', '.', '-', '@', '*', '?', '%', '\u0000', '\u200b', ' ', 'é'),
    )
    .map(
      ([at, character]) =>
        (text: string): string =>
          text.slice(0, at % (text.length + 1)) + character + text.slice(at % (text.length + 1)),
    ),
  fc.tuple(fc.nat(), fc.constantFrom('', 'a', 'Z', '0', '/', '.', '-', '@', '*')).map(
    ([at, character]) =>
      (text: string): string =>
        text.slice(0, at % text.length) + character + text.slice((at % text.length) + 1),
  ),
  fc.constantFrom<(text: string) => string>(
    (text) => text.toUpperCase(),
    (text) => `https://evil.example/${text}`,
    (text) => `${text}\n`,
    (text) => text.replace('github.com', 'github.com.evil.example'),
    (text) => text.replace('https://', 'http://'),
    (text) => text.replaceAll('.', 'x'),
    () => '',
  ),
);

describe('a rule for a workflow', () => {
  test('accepts the expected signer', () => {
    fc.assert(
      fc.property(pairs, ({ text, found }) => {
        expect(identityMismatch(signerOf(text), found)).toBeUndefined();
      }),
      { numRuns: CASES },
    );
  });

  test('refuses each change of any part of the certificate', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        pairs,
        fc.constantFrom('issuer', 'identity', 'sourceRepository', 'sourceRef'),
        change,
        ({ text, found }, part, changed) => {
          const signer = signerOf(text);
          const value = changed(found[part] ?? '');
          const [file] = found.identity.split('@');
          // For a reusable workflow without a version in the rule, every version matches.
          const isOpen = signer.kind === 'workflow' && !file?.includes(`/${signer.repository}/`);
          const isVersion = part === 'identity' && isOpen && !text.workflow?.includes('@');
          fc.pre(value !== found[part] && !(isVersion && value.startsWith(`${file ?? ''}@refs/`)));
          expect(identityMismatch(signer, { ...found, [part]: value })).toContain('expected');
          refused++;
        },
      ),
      { numRuns: CASES },
    );
    console.log(`identities: ${CASES} accepted, ${refused} changed ones refused`);
  });

  test('refuses a certificate without a source', () => {
    fc.assert(
      fc.property(pairs, ({ text, found: { issuer, identity } }) => {
        expect(identityMismatch(signerOf(text), { issuer, identity })).toContain('got none');
      }),
    );
  });

  test('of any tag or branch refuses the others, and pull requests', () => {
    fc.assert(
      fc.property(pairs, fc.constantFrom('tags', 'heads'), ref, ({ text, found }, kind, at) => {
        const signer = signerOf({ ...text, workflow: '.github/workflows/a.yml', ref: `refs/${kind}/*` });
        const identity = `${found.sourceRepository ?? ''}/.github/workflows/a.yml@${at}`;
        const objection = identityMismatch(signer, { ...found, identity, sourceRef: at });
        expect(objection === undefined).toBe(at.startsWith(`refs/${kind}/`));
        const pull = {
          ...found,
          sourceRef: 'refs/pull/1/merge',
          identity: identity.replace(at, 'refs/pull/1/merge'),
        };
        expect(identityMismatch(signer, pull)).toContain('ref: expected');
      }),
    );
  });
});

test.each<[SignerText, string]>([
  [{}, 'repository'],
  [{ repository: 'org/*', workflow: '.github/workflows/a.yml', ref: 'refs/heads/main' }, 'repository'],
  [{ repository: 'org', workflow: '.github/workflows/a.yml', ref: 'refs/heads/main' }, 'repository'],
  [{ repository: 'org/shop' }, 'workflow'],
  [{ repository: 'org/shop', workflow: 'a.yml', ref: 'refs/heads/main' }, 'workflow'],
  [{ repository: 'org/shop', workflow: '.github/workflows/*.yml', ref: 'refs/heads/main' }, 'workflow'],
  [{ repository: 'org/shop', workflow: '.github/workflows/a.yml@main', ref: 'refs/heads/main' }, 'workflow'],
  [
    { repository: 'org/shop', workflow: 'org/ci/.github/workflows/a.yml@v1', ref: 'refs/heads/main' },
    'workflow',
  ],
  [{ repository: 'org/shop', workflow: '.github/workflows/a.yml' }, 'ref'],
  [{ repository: 'org/shop', workflow: '.github/workflows/a.yml', ref: 'main' }, 'ref'],
  [{ repository: 'org/shop', workflow: '.github/workflows/a.yml', ref: 'refs/heads/release-*' }, 'ref'],
  [{ repository: 'org/shop', workflow: '.github/workflows/a.yml', ref: 'refs/*' }, 'ref'],
  [{ identity: 'https://github.com/org/*' }, 'identity'],
  [{ identity: 'dev@example.com' }, 'issuer'],
  [{ identity: 'dev@example.com', issuer: 'accounts.example.com' }, 'issuer'],
  [{ identity: 'https://github.com/a/b', ref: 'refs/heads/main' }, 'ref'],
  [{ key: 'cosign.pub', repository: 'org/shop' }, 'repository'],
  [{ key: 'cosign.pub', 'trusted-root': 'root.json' }, 'trusted-root'],
])('%j is refused at %s', (text, key) => {
  expect(signerProblem(text)).toMatchObject({ key });
});

test('a private key is refused, and not shown', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----';
  expect(() => readSigner({ key }, '.')).toThrow(/expected a public key.*got a private key$/);
});
