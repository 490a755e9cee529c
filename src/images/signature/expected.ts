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

/** `verify` before it is parsed. */
export type SignerText = { readonly [Key in (typeof SIGNER_KEYS)[number]]?: string | undefined };

/** The required signer of an image: a workflow of GitHub Actions, another identity, or the owner of a key. */
export type ExpectedSigner = (WorkflowSigner | IdentitySigner | KeySigner) & {
  /** The trust root as JSON; absent: that of Sigstore's public good instance. */
  trustedRoot?: string;
};

interface WorkflowSigner {
  kind: 'workflow';
  issuer: string;
  /** The repository with the source of the image: `org/shop`. */
  repository: string;
  /** `org/shop/.github/workflows/build.yml`. A reusable workflow may be in another repository. */
  workflow: string;
  /** The version of a reusable workflow in another repository; absent: any branch, tag or commit. */
  workflowRef?: string;
  /** The branch or tag of the source. `refs/tags/*` is any tag, `refs/heads/*` any branch. */
  ref: string;
}

interface IdentitySigner {
  kind: 'identity';
  issuer: string;
  /** The exact subject alternative name of the certificate. */
  identity: string;
  /** The repository with the source of the image, for a workflow of GitHub Actions. */
  repository?: string;
}

interface KeySigner {
  kind: 'key';
  key: KeyObject;
}

/** The signer in a certificate of Fulcio. */
export interface CertificateIdentity {
  /** The subject alternative name; empty if there is none. */
  identity: string;
  issuer: string;
  /** `https://github.com/org/shop`; absent for identities that are not a workflow. */
  sourceRepository?: string;
  sourceRef?: string;
}

const REPOSITORY = /^[\w-][\w.-]*\/[\w.-]+$/;
const OWN_WORKFLOW = /^\.github\/workflows\/[^/@*\s]+\.ya?ml$/;
const OTHER_WORKFLOW = /^([\w-][\w.-]*\/[\w.-]+)\/\.github\/workflows\/[^/@*\s]+\.ya?ml$/;
/** Without characters that git rejects, such as `*`. @see https://git-scm.com/docs/git-check-ref-format */
const REF = /^refs\/(?:heads|tags)\/(?:\*|[^\s*?[\\^~:]+)$/;
const VERSION = /^(?:refs\/(?:heads|tags)\/[^\s*?[\\^~:@]+|[0-9a-f]{40})$/;
const GITHUB_WORKFLOW = /^https:\/\/github\.com\/([\w-][\w.-]*\/[\w.-]+)\/\.github\/workflows\//;

/** The first problem of `verify`: its key, and what is expected there. Undefined if there is no problem. */
export function signerProblem(text: SignerText): { key: keyof SignerText; expected: string } | undefined {
  const { repository, workflow, ref, identity, issuer, key } = text;
  if (key !== undefined) {
    const other = (['repository', 'workflow', 'ref', 'identity', 'issuer', 'trusted-root'] as const).find(
      (name) => text[name] !== undefined,
    );
    return other && { key: other, expected: 'no value, because key is set' };
  }
  if (issuer !== undefined && !/^https:\/\/[^\s*]+$/.test(issuer))
    return { key: 'issuer', expected: `a URL, such as ${GITHUB_ISSUER}` };
  if (repository !== undefined && !REPOSITORY.test(repository))
    return { key: 'repository', expected: 'the name of a repository, such as org/shop' };
  if (identity !== undefined) {
    const other = (['workflow', 'ref'] as const).find((name) => text[name] !== undefined);
    if (other) return { key: other, expected: 'no value, because identity is set' };
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
        'a file such as .github/workflows/build.yml, or org/ci/.github/workflows/build.yml in another repository, optionally with a version such as @refs/tags/v1',
    };
  if (ref === undefined || !REF.test(ref))
    return {
      key: 'ref',
      expected: 'a branch or tag such as refs/heads/main, or refs/heads/* or refs/tags/*',
    };
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
 * Reads the signer of `verify` and the files that it refers to.
 *
 * @param text without problems: see `signerProblem`.
 * @throws PlatformError for a file that cannot be read or is not a key.
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

/** @param text the key in PEM format, or the path of its file. */
function readKey(text: string, workspace: string): KeyObject {
  const pem = text.includes('-----BEGIN') ? text : readText('key', text, workspace);
  const expected = 'verify: key: expected a public key in PEM format, such as cosign.pub';
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

/** The expected signer in messages. */
export function describeSigner(signer: ExpectedSigner): string {
  if (signer.kind === 'key') return `the key ${fingerprint(signer.key)}`;
  if (signer.kind === 'identity') {
    const source = signer.repository === undefined ? '' : ` for the repository ${signer.repository}`;
    return `${signer.identity} (issuer ${signer.issuer})${source}`;
  }
  const { repository, workflow, workflowRef, ref, issuer } = signer;
  const version = workflowRef === undefined ? '' : `@${workflowRef}`;
  return `the workflow ${workflow}${version} for the repository ${repository} at ${ref} (issuer ${issuer})`;
}

/** The fingerprint of a key as in cosign's bundles: `SHA256:…` of its DER encoding. */
function fingerprint(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return `SHA256:${createHash('sha256').update(der).digest('base64')}`;
}

/**
 * Why the identity of a certificate is not the expected one; undefined if it is. All values must be equal, except that
 * `refs/heads/*` and `refs/tags/*` match any name.
 */
export function identityMismatch(
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
  // A workflow in the same repository always has the version of the source.
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
