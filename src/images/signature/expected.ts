import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PlatformError } from '../../core/errors.ts';

/** The issuer of the OIDC tokens of GitHub Actions. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
const GITHUB = 'https://github.com/';

/** The keys of `verify`, in platform.yml and as an input. */
export const SIGNER_KEYS = [
  'repository',
  'workflow',
  'ref',
  'identity',
  'issuer',
  'key',
  'trusted-root',
] as const;

/** `verify` as it is written. */
export type SignerText = { readonly [Key in (typeof SIGNER_KEYS)[number]]?: string | undefined };

/** Who must have signed an image: a workflow of GitHub Actions, another identity, or the owner of a key. */
export type ExpectedSigner = (WorkflowSigner | IdentitySigner | KeySigner) & {
  /** JSON of the trust root; absent: that of Sigstore's public good instance. */
  trustedRoot?: string;
};

interface WorkflowSigner {
  kind: 'workflow';
  issuer: string;
  /** `org/shop`: whose source the image is built from. */
  repository: string;
  /** `org/shop/.github/workflows/build.yml`; of another repository where it is a reusable workflow. */
  workflow: string;
  /** The version of a reusable workflow of another repository; absent: any branch, tag or commit. */
  workflowRef?: string;
  /** The branch or tag that the image is built from; `refs/tags/*` is any tag, `refs/heads/*` any branch. */
  ref: string;
}

interface IdentitySigner {
  kind: 'identity';
  issuer: string;
  /** The subject alternative name of the certificate, to the letter. */
  identity: string;
  /** Of a workflow of GitHub Actions, whose source the image is built from. */
  repository?: string;
}

interface KeySigner {
  kind: 'key';
  key: KeyObject;
}

/** What a certificate of Fulcio says of the signer. */
export interface CertificateIdentity {
  /** The subject alternative name; empty where there is none. */
  identity: string;
  issuer: string;
  /** `https://github.com/org/shop`; absent for identities that are no workflow. */
  sourceRepository?: string;
  sourceRef?: string;
}

const REPOSITORY = /^[\w-][\w.-]*\/[\w.-]+$/;
const OWN_WORKFLOW = /^\.github\/workflows\/[^/@*\s]+\.ya?ml$/;
const OTHER_WORKFLOW = /^([\w-][\w.-]*\/[\w.-]+)\/\.github\/workflows\/[^/@*\s]+\.ya?ml$/;
/** Without the characters that git refuses, of which `*` is one. @see https://git-scm.com/docs/git-check-ref-format */
const REF = /^refs\/(?:heads|tags)\/(?:\*|[^\s*?[\\^~:]+)$/;
const VERSION = /^(?:refs\/(?:heads|tags)\/[^\s*?[\\^~:@]+|[0-9a-f]{40})$/;
const GITHUB_WORKFLOW = /^https:\/\/github\.com\/([\w-][\w.-]*\/[\w.-]+)\/\.github\/workflows\//;

/** The first problem of `verify`: the key that it is at, and what is expected there. Undefined for a good one. */
export function signerProblem(text: SignerText): { key: keyof SignerText; expected: string } | undefined {
  const { repository, workflow, ref, identity, issuer, key } = text;
  if (key !== undefined) {
    const other = (['repository', 'workflow', 'ref', 'identity', 'issuer', 'trusted-root'] as const).find(
      (name) => text[name] !== undefined,
    );
    return other && { key: other, expected: 'no value beside key' };
  }
  if (issuer !== undefined && !/^https:\/\/[^\s*]+$/.test(issuer))
    return { key: 'issuer', expected: `a URL, such as ${GITHUB_ISSUER}` };
  if (repository !== undefined && !REPOSITORY.test(repository))
    return { key: 'repository', expected: "a repository's name, such as org/shop" };
  if (identity !== undefined) {
    const other = (['workflow', 'ref'] as const).find((name) => text[name] !== undefined);
    if (other) return { key: other, expected: 'no value beside identity' };
    if (/[\s*]/.test(identity))
      return { key: 'identity', expected: 'the exact identity of the certificate, without wildcards' };
    if (issuer === undefined && !identity.startsWith(GITHUB))
      return { key: 'issuer', expected: 'the issuer of the identity' };
    return undefined;
  }
  if (repository === undefined)
    return { key: 'repository', expected: 'repository, workflow and ref, or identity, or key' };
  if (workflow === undefined || !isWorkflow(workflow))
    return {
      key: 'workflow',
      expected:
        'a file such as .github/workflows/build.yml, or of another repository org/ci/.github/workflows/build.yml, with @refs/tags/v1 or without',
    };
  if (ref === undefined || !REF.test(ref))
    return { key: 'ref', expected: 'refs/heads/main or another branch or tag, refs/heads/* or refs/tags/*' };
  return undefined;
}

function isWorkflow(workflow: string): boolean {
  const [file, version] = splitWorkflow(workflow);
  if (OWN_WORKFLOW.test(file)) return version === undefined;
  return OTHER_WORKFLOW.test(file) && (version === undefined || VERSION.test(version));
}

function splitWorkflow(workflow: string): [file: string, version: string | undefined] {
  const at = workflow.indexOf('@');
  return at < 0 ? [workflow, undefined] : [workflow.slice(0, at), workflow.slice(at + 1)];
}

/**
 * The signer that `verify` names, with the files that it refers to.
 *
 * @param text one without a problem; see `signerProblem`.
 * @throws PlatformError for a file that cannot be read or is no key.
 */
export function readSigner(text: SignerText, workspace: string): ExpectedSigner {
  const { repository, identity, issuer = GITHUB_ISSUER, key } = text;
  if (key !== undefined) return { kind: 'key', key: readKey(key, workspace) };
  const root = text['trusted-root'];
  const trustedRoot = root === undefined ? {} : { trustedRoot: readText('trusted-root', root, workspace) };
  if (identity !== undefined) {
    const source = repository ?? GITHUB_WORKFLOW.exec(identity)?.[1];
    return {
      kind: 'identity',
      issuer,
      identity,
      ...(source !== undefined && { repository: source }),
      ...trustedRoot,
    };
  }
  const [file, workflowRef] = splitWorkflow(text.workflow ?? '');
  const workflow = OWN_WORKFLOW.test(file) ? `${repository ?? ''}/${file}` : file;
  return {
    kind: 'workflow',
    issuer,
    repository: repository ?? '',
    workflow,
    ref: text.ref ?? '',
    ...(workflowRef !== undefined && { workflowRef }),
    ...trustedRoot,
  };
}

/** @param text a PEM text, or the file that has it. */
function readKey(text: string, workspace: string): KeyObject {
  const pem = text.includes('-----BEGIN') ? text : readText('key', text, workspace);
  const expected = 'verify: key: expected a public key in PEM form, as cosign writes it to cosign.pub';
  if (pem.includes('PRIVATE KEY')) throw new PlatformError('input-invalid', `${expected}, got a private key`);
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new PlatformError('input-invalid', expected, { cause: error });
  }
}

function readText(key: string, file: string, workspace: string): string {
  try {
    return readFileSync(resolve(workspace, file), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new PlatformError(
      'input-invalid',
      `verify: ${key}: cannot read "${file}" (${code}). Paths are relative to the workspace.`,
      { cause: error },
    );
  }
}

/** Who is expected, for a person. */
export function signerText(signer: ExpectedSigner): string {
  if (signer.kind === 'key') return `the key ${fingerprint(signer.key)}`;
  if (signer.kind === 'identity') {
    const source = signer.repository === undefined ? '' : ` for the repository ${signer.repository}`;
    return `${signer.identity} (issuer ${signer.issuer})${source}`;
  }
  const { repository, workflow, workflowRef, ref, issuer } = signer;
  const version = workflowRef === undefined ? '' : `@${workflowRef}`;
  return `the workflow ${workflow}${version} for the repository ${repository} at ${ref} (issuer ${issuer})`;
}

/** What names a key, as cosign's bundles do: `SHA256:…` of its DER form. */
function fingerprint(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return `SHA256:${createHash('sha256').update(der).digest('base64')}`;
}

/**
 * Why the identity of a certificate is not the expected one; undefined when it is. Everything is compared to the
 * letter; only `refs/heads/*` and `refs/tags/*` match more than one name.
 */
export function identityObjection(
  signer: WorkflowSigner | IdentitySigner,
  found: CertificateIdentity,
): string | undefined {
  if (found.issuer !== signer.issuer) return mismatch('issuer', signer.issuer, found.issuer);
  if (signer.repository !== undefined && found.sourceRepository !== GITHUB + signer.repository)
    return mismatch('repository', GITHUB + signer.repository, found.sourceRepository);
  if (signer.kind === 'identity') {
    return found.identity === signer.identity
      ? undefined
      : mismatch('identity', signer.identity, found.identity);
  }
  const prefix = `${GITHUB}${signer.workflow}@`;
  if (!found.identity.startsWith(prefix)) return mismatch('workflow', signer.workflow, found.identity);
  if (!matchesRef(signer.ref, found.sourceRef)) return mismatch('ref', signer.ref, found.sourceRef);
  const version = found.identity.slice(prefix.length);
  // A workflow of the same repository is always of the commit that is built.
  const isOwn = signer.workflow.startsWith(`${signer.repository}/.github/`);
  const wanted = isOwn ? found.sourceRef : signer.workflowRef;
  if (wanted === undefined ? VERSION.test(version) : version === wanted) return undefined;
  return mismatch('version of the workflow', wanted ?? 'a branch, a tag or a commit', version);
}

function matchesRef(expected: string, found = ''): boolean {
  if (!expected.endsWith('/*')) return found === expected;
  const prefix = expected.slice(0, -1);
  return found.startsWith(prefix) && found.length > prefix.length;
}

function mismatch(what: string, expected: string, found: string | undefined): string {
  return `${what}: expected ${expected}, got ${found === undefined || found === '' ? 'none' : `"${found}"`}`;
}
