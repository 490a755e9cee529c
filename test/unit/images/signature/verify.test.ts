import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ExpectedSigner,
  readSigner,
  type SignerText,
} from '../../../../src/images/signature/expected.ts';
import { verifyImage } from '../../../../src/images/signature/verify.ts';
import {
  keyBundle,
  SignedImages,
  simplePayload,
  someDigest,
  statement,
} from '../../../support/signed-images.ts';
import { type Sigstore, startSigstore } from '../../../support/sigstore.ts';

const IMAGE = someDigest('image');
const OTHER = someDigest('another image');
const RULE: SignerText = {
  repository: 'org/shop',
  workflow: '.github/workflows/build.yml',
  ref: 'refs/heads/main',
};
const HOUR = 3_600_000;
const OWN = 'org/shop/.github/workflows';

let sigstore: Sigstore;
let rival: Sigstore;
let late: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
  rival = await startSigstore();
  late = await startSigstore({ certificates: new Date(Date.now() - HOUR) });
});
afterAll(async () => {
  await Promise.all([sigstore, rival, late].map((one) => one.close()));
});

const signer = (text: SignerText = RULE, trustedRoot = sigstore.trustedRoot): ExpectedSigner => ({
  ...readSigner(text, '.'),
  trustedRoot,
});
const verify = (images: SignedImages, expected = signer(), digest = IMAGE) =>
  verifyImage(images.store, digest, expected, {});
const ours = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const theirs = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const key = (pair = ours): ExpectedSigner =>
  readSigner({ key: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string }, '.');

interface Case {
  name: string;
  make: (images: SignedImages) => unknown;
  expected?: () => ExpectedSigner;
}

const accepted: Case[] = [
  {
    name: 'a bundle that refers to the image',
    make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(IMAGE))),
  },
  {
    name: 'a bundle with a timestamp beside the log entry',
    make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { tsa: true })),
  },
  {
    name: 'a bundle in the list under the tag of the image',
    make: async (images) => images.list(IMAGE, await sigstore.sign(statement(IMAGE))),
  },
  {
    name: 'provenance of GitHub, of several images',
    make: async (images) => {
      const { subject, ...rest } = statement(IMAGE, 'https://slsa.dev/provenance/v1') as {
        subject: object[];
      };
      const both = [...(statement(OTHER) as { subject: object[] }).subject, ...subject];
      images.attach(IMAGE, await sigstore.sign({ ...rest, subject: both }));
    },
  },
  {
    name: 'one right signature among wrong ones',
    make: async (images) => {
      images.attach(IMAGE, 'no JSON');
      images.attach(IMAGE, await rival.sign(statement(IMAGE)));
      images.attach(IMAGE, await sigstore.sign(statement(OTHER)));
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE)));
    },
  },
  {
    name: 'any tag',
    expected: () => signer({ ...RULE, ref: 'refs/tags/*' }),
    make: async (images) => {
      const ref = 'refs/tags/v1.2.3';
      const claims = { ref, job_workflow_ref: `${OWN}/build.yml@${ref}` };
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { claims }));
    },
  },
  {
    name: 'a reusable workflow of another repository',
    expected: () => signer({ ...RULE, workflow: 'org/ci/.github/workflows/build.yml' }),
    make: async (images) => {
      const claims = { job_workflow_ref: 'org/ci/.github/workflows/build.yml@refs/tags/v1' };
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { claims }));
    },
  },
  {
    name: 'an exact identity that is no workflow',
    expected: () => signer({ identity: 'https://ci.example/job', issuer: 'https://issuer.example' }),
    make: async (images) => {
      const options = { identity: 'https://ci.example/job', claims: { iss: 'https://issuer.example' } };
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE), options));
    },
  },
  {
    name: 'a bundle signed with the key',
    expected: () => key(),
    make: (images) => images.attach(IMAGE, keyBundle(statement(IMAGE), ours.privateKey)),
  },
  {
    name: "cosign's older signature with the key",
    expected: () => key(),
    make: (images) => {
      const payload = simplePayload(IMAGE);
      const signature = sign('sha256', Buffer.from(payload), ours.privateKey).toString('base64');
      images.tag(IMAGE, payload, { 'dev.cosignproject.cosign/signature': signature });
    },
  },
];

interface Refused extends Case {
  reason: string;
}

const signedBy = (claims: Record<string, string>, reason: string, name: string): Refused => ({
  name,
  reason,
  make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { claims })),
});

/** The parts of a bundle that a forger changes. */
interface Forged {
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
  verificationMaterial: {
    certificate?: object;
    publicKey?: object;
    tlogEntries: [{ integratedTime: string; inclusionProof: { hashes: string[] } }];
  };
}

const changed = (name: string, reason: string, change: (bundle: Forged) => void): Refused => ({
  name,
  reason,
  make: async (images) => {
    const bundle = structuredClone(await sigstore.sign(statement(IMAGE)));
    change(bundle as unknown as Forged);
    images.attach(IMAGE, bundle);
  },
});

const refused: Refused[] = [
  { name: 'no signature', make: () => undefined, reason: 'has no signature. Expected one by the workflow' },
  signedBy(
    { repository: 'org/other', job_workflow_ref: 'org/other/.github/workflows/build.yml@refs/heads/main' },
    'repository: expected https://github.com/org/shop, got "https://github.com/org/other"',
    'another repository',
  ),
  signedBy(
    {
      repository: 'org/shop-evil',
      job_workflow_ref: 'org/shop-evil/.github/workflows/build.yml@refs/heads/main',
    },
    'got "https://github.com/org/shop-evil"',
    'a repository whose name begins like it',
  ),
  signedBy({ repository: 'evil/org/shop' }, 'repository: expected', 'a repository whose name ends like it'),
  signedBy({ repository: 'Org/Shop' }, 'repository: expected', 'a repository in other letters'),
  signedBy({ repository: 'org/other' }, 'repository: expected', 'another repository that calls our workflow'),
  signedBy(
    { job_workflow_ref: `${OWN}/other.yml@refs/heads/main` },
    'workflow: expected org/shop/.github/workflows/build.yml',
    'another workflow',
  ),
  signedBy(
    { job_workflow_ref: `${OWN}/build.yml.evil.yml@refs/heads/main` },
    'workflow: expected',
    'a workflow whose name begins like it',
  ),
  signedBy(
    { job_workflow_ref: `${OWN}/build.yml@x.yml@refs/heads/main` },
    'version of the workflow: expected refs/heads/main, got "x.yml@refs/heads/main"',
    'a workflow with the separator in its name',
  ),
  signedBy(
    { job_workflow_ref: `${OWN}/buildXyml@refs/heads/main` },
    'workflow: expected',
    'a workflow that only a pattern would match',
  ),
  signedBy(
    { ref: 'refs/heads/dev', job_workflow_ref: `${OWN}/build.yml@refs/heads/dev` },
    'ref: expected refs/heads/main, got "refs/heads/dev"',
    'another branch',
  ),
  signedBy(
    { ref: 'refs/heads/main-evil', job_workflow_ref: `${OWN}/build.yml@refs/heads/main-evil` },
    'ref: expected',
    'a branch whose name begins like it',
  ),
  signedBy(
    { ref: 'refs/tags/main', job_workflow_ref: `${OWN}/build.yml@refs/tags/main` },
    'ref: expected',
    'a tag of the name of the branch',
  ),
  signedBy(
    { ref: 'refs/pull/7/merge', job_workflow_ref: `${OWN}/build.yml@refs/pull/7/merge` },
    'ref: expected',
    'a pull request',
  ),
  signedBy(
    { job_workflow_ref: `${OWN}/build.yml@refs/heads/dev` },
    'version of the workflow: expected refs/heads/main, got "refs/heads/dev"',
    'our workflow of another branch',
  ),
  signedBy(
    { iss: 'https://token.actions.githubusercontent.com.evil.example' },
    'issuer: expected https://token.actions.githubusercontent.com, got',
    'an issuer whose name begins like it',
  ),
  signedBy({ iss: 'https://gitlab.com' }, 'issuer: expected', 'another issuer'),
  {
    ...signedBy(
      { ref: 'refs/heads/release', job_workflow_ref: `${OWN}/build.yml@refs/heads/release` },
      'ref: expected refs/tags/*, got "refs/heads/release"',
      'a branch where tags are expected',
    ),
    expected: () => signer({ ...RULE, ref: 'refs/tags/*' }),
  },
  {
    ...signedBy(
      { job_workflow_ref: 'org/ci/.github/workflows/build.yml@refs/pull/3/merge' },
      'version of the workflow: expected a branch, a tag or a commit',
      'a reusable workflow of a pull request',
    ),
    expected: () => signer({ ...RULE, workflow: 'org/ci/.github/workflows/build.yml' }),
  },
  {
    ...signedBy(
      { job_workflow_ref: 'org/ci/.github/workflows/build.yml@refs/tags/v2' },
      'version of the workflow: expected refs/tags/v1, got "refs/tags/v2"',
      'another version of a reusable workflow',
    ),
    expected: () => signer({ ...RULE, workflow: 'org/ci/.github/workflows/build.yml@refs/tags/v1' }),
  },
  {
    ...signedBy({}, 'identity: expected', 'an identity that is only the beginning'),
    expected: () => signer({ identity: `https://github.com/${OWN}/build.yml@refs/heads/mai` }),
  },
  {
    ...signedBy(
      { repository: 'org/other' },
      'repository: expected https://github.com/org/shop',
      'the exact identity, called by another repository',
    ),
    expected: () => signer({ identity: `https://github.com/${OWN}/build.yml@refs/heads/main` }),
  },
  {
    name: 'the signature of another image',
    reason: `it is for the image ${OTHER}`,
    make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(OTHER))),
  },
  {
    name: 'another certificate authority',
    reason: 'is invalid: Failed to verify certificate chain',
    make: async (images) => images.attach(IMAGE, await rival.sign(statement(IMAGE))),
  },
  {
    name: 'a certificate that had expired when it was used',
    reason: 'certificate is not valid or expired at the specified date',
    expected: () => signer(RULE, late.trustedRoot),
    make: async (images) => images.attach(IMAGE, await late.sign(statement(IMAGE))),
  },
  {
    name: 'no entry in the transparency log',
    reason: 'expected 1 tlog entries, got 0',
    make: async (images) =>
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { rekor: false, tsa: true })),
  },
  {
    name: 'neither log entry nor timestamp',
    reason: 'expected 1 timestamps, got 0',
    make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { rekor: false })),
  },
  {
    name: 'the log entry of another signature',
    reason: 'is invalid: tlog entry signature mismatch',
    make: async (images) => {
      const [one, other] = [await sigstore.sign(statement(IMAGE)), await sigstore.sign(statement(IMAGE))];
      const bundle = structuredClone(one);
      bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
      images.attach(IMAGE, bundle);
    },
  },
  {
    name: 'the certificate of another signature',
    reason: 'is invalid',
    make: async (images) => {
      const evil = await sigstore.sign(statement(IMAGE), { claims: { repository: 'org/other' } });
      const bundle = structuredClone(evil);
      const { certificate } = (await sigstore.sign(statement(OTHER))).verificationMaterial as {
        certificate: object;
      };
      Object.assign(bundle.verificationMaterial, { certificate });
      images.attach(IMAGE, bundle);
    },
  },
  changed('a payload that was changed', 'is invalid', ({ dsseEnvelope }) => {
    dsseEnvelope.payload = Buffer.from(JSON.stringify(statement(OTHER))).toString('base64');
  }),
  changed(
    'a type of payload that was changed',
    'is invalid: signature verification failed',
    ({ dsseEnvelope }) => {
      dsseEnvelope.payloadType = 'application/vnd.in-toto+jsonx';
    },
  ),
  changed('a signature that was changed', 'is invalid', ({ dsseEnvelope }) => {
    const [{ sig } = { sig: '' }] = dsseEnvelope.signatures;
    dsseEnvelope.signatures = [{ sig: `A${sig.slice(1, -4)}AAAA` }];
  }),
  changed('a second signature in the envelope', 'the bundle is invalid', ({ dsseEnvelope }) => {
    dsseEnvelope.signatures.push(...dsseEnvelope.signatures);
  }),
  changed('no signature in the envelope', 'the bundle is invalid', ({ dsseEnvelope }) => {
    dsseEnvelope.signatures = [];
  }),
  changed('an inclusion proof that was changed', 'is invalid', ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].inclusionProof.hashes = [Buffer.alloc(32).toString('base64')];
  }),
  changed(
    'a time of the log that was changed',
    'inclusion promise could not be verified',
    ({ verificationMaterial }) => {
      const [entry] = verificationMaterial.tlogEntries;
      entry.integratedTime = String(Number(entry.integratedTime) + 60);
    },
  ),
  changed('no certificate', 'the bundle is invalid', ({ verificationMaterial }) => {
    delete verificationMaterial.certificate;
  }),
  changed(
    'a key in place of the certificate',
    'it is signed with a key and has no certificate',
    ({ verificationMaterial }) => {
      delete verificationMaterial.certificate;
      verificationMaterial.publicKey = { hint: 'x' };
    },
  ),
  {
    name: 'a statement of another predicate',
    reason: 'its predicate type is https://spdx.dev/Document, neither a signature nor provenance',
    make: async (images) =>
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE, 'https://spdx.dev/Document'))),
  },
  {
    name: 'a signed text that is no statement',
    reason: 'its type is text/plain',
    make: async (images) =>
      images.attach(IMAGE, await sigstore.sign(statement(IMAGE), { payloadType: 'text/plain' })),
  },
  {
    name: 'a signed statement that is no JSON',
    reason: 'the statement is not accepted',
    make: async (images) => images.attach(IMAGE, await sigstore.sign('null')),
  },
  {
    name: 'an unsigned attestation of BuildKit',
    reason: 'the bundle is invalid',
    make: (images) => images.attach(IMAGE, statement(IMAGE, 'https://slsa.dev/provenance/v1')),
  },
  {
    name: 'a huge bundle, which is not read',
    reason: 'exceeds the limit of 33.6 MB',
    make: (images) => images.attach(IMAGE, 'small', 40_000_000),
  },
  {
    name: 'a bundle that is no JSON',
    reason: 'the bundle is invalid',
    make: (images) => images.attach(IMAGE, '<html>'),
  },
  {
    name: 'a bundle that is null',
    reason: 'the bundle is invalid',
    make: (images) => images.attach(IMAGE, 'null'),
  },
  {
    name: 'the wrong key',
    reason: 'it is not signed with this key',
    expected: () => key(theirs),
    make: (images) => images.attach(IMAGE, keyBundle(statement(IMAGE), ours.privateKey)),
  },
  {
    name: 'the key, for another image',
    reason: `it is for the image ${OTHER}`,
    expected: () => key(),
    make: (images) => images.attach(IMAGE, keyBundle(statement(OTHER), ours.privateKey)),
  },
  {
    name: 'a certificate where a key is expected',
    reason: 'it is signed with a certificate, not with a key',
    expected: () => key(),
    make: async (images) => images.attach(IMAGE, await sigstore.sign(statement(IMAGE))),
  },
  ...(
    [
      ['another image', simplePayload(OTHER), ours, `it is for the image ${OTHER}`],
      ['the wrong key', simplePayload(IMAGE), theirs, 'it is not signed with this key'],
      [
        'another type of payload',
        simplePayload(IMAGE, 'atomic'),
        ours,
        'it is not the signature of an image',
      ],
    ] as const
  ).map(([name, payload, pair, reason]): Refused => ({
    name: `cosign's older signature: ${name}`,
    reason,
    expected: () => key(),
    make: (images) => {
      const signature = sign('sha256', Buffer.from(payload), pair.privateKey).toString('base64');
      images.tag(IMAGE, payload, { 'dev.cosignproject.cosign/signature': signature });
    },
  })),
  {
    name: "cosign's older signature without a signature",
    reason: 'has no annotation dev.cosignproject.cosign/signature',
    expected: () => key(),
    make: (images) => {
      images.tag(IMAGE, simplePayload(IMAGE), {});
    },
  },
];

describe('a signature by the expected signer', () => {
  test.each(accepted)('$name is accepted', async ({ make, expected }) => {
    const images = new SignedImages();
    await make(images);
    expect(await verify(images, expected?.())).toMatchObject({ verified: true });
  });
});

describe('any other signature', () => {
  test.each(refused)('$name is refused with the reason', async ({ make, expected, reason }) => {
    const images = new SignedImages();
    await make(images);
    const verification = await verify(images, expected?.());
    expect(verification).toMatchObject({ verified: false });
    expect(verification.verified ? '' : verification.reason).toContain(reason);
  });
});

test('the number of cases', () => {
  console.log(`signatures: ${accepted.length} accepted, ${refused.length} refused`);
  expect(refused.length).toBeGreaterThan(40);
});
