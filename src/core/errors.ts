import { timeLimit } from './text.ts';

/**
 * Every error code and its meaning. Codes are stable: they appear in `result.error`, in the log and in the
 * documentation, and callers may branch on them.
 *
 * @public
 */
export const ERROR_CODES = {
  'input-invalid': 'An input has a value that cannot be used.',
  'manifest-invalid': 'platform.yml cannot be read, or its content is invalid.',
  'template-invalid': 'A CloudFormation template cannot be read, or CloudFormation would reject it.',
  'access-denied': 'The credentials lack a permission, or the role cannot be assumed.',
  'credentials-expired': 'The credentials expired while the action ran.',
  'oidc-unavailable': 'The job has no permission to request an OIDC token, or GitHub did not issue one.',
  'account-mismatch': 'The credentials belong to a different AWS account than the environment.',
  'not-found': 'Something that the action needs does not exist.',
  throttled: 'AWS or GitHub throttled calls until all retries were used up.',
  'quota-exceeded': 'A quota of the AWS account is exceeded.',
  conflict: 'Something else has changed, or is changing, the same resource.',
  'request-rejected': 'AWS or GitHub rejected a request as invalid.',
  'service-unavailable': 'AWS, GitHub or a registry could not be reached or answered with a server error.',
  'timed-out': 'Something did not finish within its time limit.',
  cancelled: 'The job was cancelled.',
  'not-approved':
    'The environment has approvers, and the run was not started by someone who is allowed to approve it.',
  held: 'The environment is on hold, so no image is released to it.',
  outdated: 'A newer release than the one to be deployed is already recorded.',
  'plan-changed': 'The changes to be executed differ from the approved plan.',
  'plan-failed': 'CloudFormation could not create the change set.',
  'stack-blocked': 'The stack is in a state that requires manual action first.',
  'stack-stuck': 'A rollback of the stack failed.',
  'stack-unproven': 'The stack operation completed, but a planned change could not be verified.',
  'replacement-refused': 'CloudFormation refuses to replace a resource while rollback is off.',
  'outcome-unknown': 'An operation was started, but its outcome could not be determined.',
  'graph-invalid': 'The dependencies between stacks form a cycle or cannot be resolved.',
  'service-unsupported': 'This action cannot update the ECS service.',
  'rollout-unproven':
    'The rollout completed, but the running tasks could not be verified to run the new revision.',
  'tasks-failed': 'Tasks of the new revision failed, and none became healthy.',
  'task-not-placed': 'ECS could not start a task.',
  'docker-unavailable': 'There is no usable Docker client, daemon or builder.',
  'command-failed': 'A command exited with an error.',
  'build-failed': 'The image could not be built.',
  'image-invalid': 'An image, its manifest or its OCI layout is damaged or incomplete.',
  'file-system': 'A file on the runner could not be read or written.',
  'registry-rejected': 'The registry rejected a request.',
  'signature-unverified': 'An image is not signed by the required signer, or its signature is not valid.',
  'digest-mismatch': 'Content does not have the expected digest.',
  'image-unproven': 'The registry accepted an image or a tag, but reading it back did not confirm it.',
  'tag-conflict': 'An immutable tag already points to another image.',
  'lock-held': 'Another run holds the lock of the environment.',
  'lock-lost': 'This run lost the lock of the environment.',
  internal: 'An unexpected error in the action itself.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The page of the documentation that explains a failure. */
export interface ErrorPage {
  /** Path in the repository of the actions. */
  path: string;
  /** URL of the page at the version of the action that runs. Absent if the runner does not provide that version. */
  url?: string;
}

/**
 * The page of an error code, or the verdict's section for a failure without an error code.
 *
 * The URL is built from the step's environment, so that a fork or a mirror links to its own pages at the version that
 * its workflow uses. GitHub sets both variables for an action in a repository, including composite actions and `$/`,
 * which it resolves to the repository and commit. For an action in the workspace (`./`) it sets neither, and the
 * workspace may be a checkout of any repository, so only the path is known.
 *
 * @see https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionRunner.cs "Set GITHUB_ACTION_REPOSITORY if
 *   this Action is from a repository"
 * @see https://github.com/actions/runner/pull/804 "unset … for non-repo based actions"
 * @see https://github.com/actions/runner/pull/4457 the containing file "determines which repo and SHA"
 */
export function errorPage(code: string, env: NodeJS.ProcessEnv): ErrorPage {
  const path = Object.hasOwn(ERROR_CODES, code)
    ? `docs/errors/${code}.md`
    : `docs/errors/verdicts.md#${code}`;
  const { GITHUB_SERVER_URL: server, GITHUB_ACTION_REPOSITORY: repository, GITHUB_ACTION_REF: ref } = env;
  if (!server || !repository || !ref) return { path };
  return { path, url: `${server}/${repository}/blob/${ref}/${path}` };
}

/** A 1-based line of a file in the workspace. */
export interface FileLine {
  file: string;
  line: number;
}

/**
 * Base class of every expected failure. Its message may be shown to users as it is. An error of any other class is
 * reported as an internal error, with its stack in the debug log only.
 */
export class PlatformError extends Error {
  override readonly name: string = 'PlatformError';
  readonly code: ErrorCode;
  /** How to fix the failure, starting with a verb. */
  readonly fix?: string;
  /** The line to annotate. */
  readonly at?: FileLine;

  constructor(
    code: ErrorCode,
    message: string,
    options: { fix?: string; at?: FileLine; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.fix !== undefined) this.fix = options.fix;
    if (options.at !== undefined) this.at = options.at;
  }
}

const SHOWN_CHARACTERS = 100;

/** What is allowed instead of a value. It may end with a further sentence, after a full stop, that says what to do. */
export type Expectation = `expected ${string}`;

interface InputErrorOptions {
  /** Default: input-invalid. */
  code?: ErrorCode | undefined;
  /** The line that contains the value. */
  at?: FileLine | undefined;
  fix?: string | undefined;
  cause?: unknown;
}

/** An invalid value from a user. Never pass a secret as `value`. */
export class InputError extends PlatformError {
  override readonly name = 'InputError';
  readonly input: string;

  /** @param value empty if nothing was given, if the value must not be shown, or if `problem` quotes it. */
  constructor(input: string, value: '', problem: string, options?: InputErrorOptions);
  constructor(input: string, value: string, expected: Expectation, options?: InputErrorOptions);
  constructor(input: string, value: string, problem: string, options: InputErrorOptions = {}) {
    const { code = 'input-invalid', at, fix, cause } = options;
    super(code, `${input}: ${withPlace(value === '' ? problem : withValue(problem, value), at)}`, {
      ...(at !== undefined && { at }),
      ...(fix !== undefined && { fix }),
      ...(cause !== undefined && { cause }),
    });
    this.input = input;
  }
}

/** `expected true or false, got "yes"`. The value is inserted after the first sentence. */
export function withValue(expected: string, value: unknown): string {
  const text = JSON.stringify(value);
  const shown = text.length > SHOWN_CHARACTERS + 2 ? `${text.slice(0, SHOWN_CHARACTERS + 1)}…"` : text;
  const [clause = expected] = expected.split(/[.;?] (?=[A-Z])/, 1);
  return `${clause}, got ${shown}${expected.slice(clause.length)}`;
}

/** Inserts the file and line after the first sentence. */
export function withPlace(text: string, at: FileLine | undefined): string {
  if (!at) return text;
  const [clause = text] = text.split(/(?<=[^.])\.(?: (?=[A-Z])|$)/, 1);
  return `${clause} (${at.file}:${at.line})${text.slice(clause.length)}`;
}

/** Something exceeded its time limit. `timeoutMs` is the limit in milliseconds. */
export class TimeoutError extends PlatformError {
  override readonly name = 'TimeoutError';
  readonly what: string;
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super('timed-out', `${what} did not finish within ${timeLimit(timeoutMs)}`);
    this.what = what;
    this.timeoutMs = timeoutMs;
  }
}

/** The job was cancelled or asked to stop. It is the abort reason of the context's signal. */
export class CancelledError extends PlatformError {
  override readonly name = 'CancelledError';
  /** A signal such as SIGTERM, or who requested the stop and why. */
  readonly by: string;

  constructor(by: string) {
    super('cancelled', `cancelled by ${by}`);
    this.by = by;
  }
}

/** The reason of an aborted signal. AbortSignal.timeout() aborts with a DOMException, which is not a PlatformError. */
export function abortReason({ reason }: AbortSignal): unknown {
  if (!(reason instanceof DOMException) || reason.name !== 'TimeoutError') return reason;
  return new PlatformError('timed-out', `${reason.name}: ${reason.message}`, { cause: reason });
}

/** A failure as reported in `result.error`. */
export interface ErrorInfo {
  code: ErrorCode;
  message: string;
  fix?: string;
  /** The line that it is about. */
  at?: FileLine;
}

const FILE_ERRORS = new Set(
  'EACCES EDQUOT EIO EISDIR EMFILE ENFILE ENOENT ENOSPC ENOTDIR EPERM EROFS'.split(' '),
);
const FREE_SPACE = 'Free disk space on the runner before this step, or set RUNNER_TEMP to a larger disk.';

/** Node's errors of the file system explain a fault of the runner; all other unknown errors are internal. */
export function toPlatformError(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const { code = '', syscall = '', message = '' } = Object(error) as Partial<NodeJS.ErrnoException>;
  if (FILE_ERRORS.has(code) && !/^(?:connect|spawn)/.test(syscall)) {
    const fix = code === 'ENOSPC' ? { fix: FREE_SPACE } : {};
    return new PlatformError('file-system', message, { cause: error, ...fix });
  }
  const unexpected = 'Internal error; the debug log has the stack. Please report this.';
  return new PlatformError('internal', unexpected, { cause: error });
}

/** The part of an error that users see: an expected failure in full, any other error only as an internal error. */
export function errorInfo(error: unknown): ErrorInfo {
  const { code, message, fix, at } = toPlatformError(error);
  return { code, message, ...(fix !== undefined && { fix }), ...(at !== undefined && { at }) };
}

/** The message of an error for users; see errorInfo. */
export function reasonOf(error: unknown): string {
  return errorInfo(error).message;
}

/** The stacks of an error and of its causes, for the debug log. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackOf(error.cause)}`;
}
