export const id = 331;
export const ids = [331];
export const modules = {

/***/ 3331:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  upsertComment: () => (/* binding */ upsertComment)
});

// EXTERNAL MODULE: ./build/src/runtime/sections.js + 1 modules
var runtime_sections = __webpack_require__(7412);
;// CONCATENATED MODULE: ./build/src/github/client.js
const ATTEMPTS = 4;
const REQUEST_TIMEOUT_MS = 15_000;
/** A client of GitHub's REST API, loaded when it is first needed. */
async function createOctokit(token, apiUrl, signal) {
    const { getOctokit } = await __webpack_require__.e(/* import() */ 413).then(__webpack_require__.bind(__webpack_require__, 2413));
    const octokit = getOctokit(token, { baseUrl: apiUrl });
    octokit.hook.before('request', (options) => {
        const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
        options.request = { ...options.request, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
    });
    return octokit;
}
/** Owner and name, as the API wants them. */
function ownerAndName(repository) {
    const [owner = '', repo = ''] = repository.split('/');
    return { owner, repo };
}
/** The HTTP status of an error of the API; undefined when there was no answer. */
function statusOf(error) {
    const status = error?.status;
    return typeof status === 'number' && !isTransport(error) ? status : undefined;
}
/** Whether GitHub says no: the token may not, or there is no such thing. */
function isRefusal(error) {
    return [401, 403, 404, 410, 422].includes(statusOf(error) ?? 0);
}
/** Tries a call again when GitHub or the network failed for a moment; a refusal is an answer. */
async function withRetries(context, call) {
    for (let attempt = 1;; attempt++) {
        try {
            return await call();
        }
        catch (error) {
            context.signal.throwIfAborted();
            if (attempt === ATTEMPTS || !isTransient(error))
                throw error;
            await context.clock.sleep(retryAfterMs(error) ?? Math.random() * 500 * 2 ** attempt, context.signal);
        }
    }
}
function isTransient(error) {
    const status = statusOf(error);
    if (status === undefined)
        return true;
    return status >= 500 || status === 429 || (status === 403 && retryAfterMs(error) !== undefined);
}
/** Octokit gives a failed connection the status 500, without a response. */
function isTransport(error) {
    return error.response === undefined;
}
/**
 * The wait that a secondary rate limit asks for, 30 s at most.
 *
 * @see https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function retryAfterMs(error) {
    const headers = error.response?.headers;
    const seconds = Number(headers?.['retry-after']);
    return Number.isFinite(seconds) && headers?.['retry-after'] !== undefined
        ? Math.min(seconds, 30) * 1000
        : undefined;
}

;// CONCATENATED MODULE: ./build/src/github/marker.js

/** The user that a workflow's own token writes as. */
const WORKFLOW_USER = 'github-actions[bot]';
/** The first line of what we write, by which it is found again. It shows nothing. */
function hiddenMarker(marker) {
    return `<!-- platform:${marker.replace(/[^\w./:]+/g, '-')} -->`;
}
/** Who the token is. An app's token, the workflow's own among them, may not ask REST; GraphQL may not be there. */
async function ownLogin(octokit) {
    try {
        return (await octokit.rest.users.getAuthenticated()).data.login;
    }
    catch (error) {
        if (!isRefusal(error))
            throw error;
    }
    try {
        return (await octokit.graphql('query { viewer { login } }')).viewer.login;
    }
    catch {
        return WORKFLOW_USER;
    }
}

;// CONCATENATED MODULE: ./build/src/github/comment.js



/** GitHub refuses a longer comment: "body is too long (maximum is 65536 characters)". */
const LIMIT_CHARACTERS = 65_536;
/**
 * Writes the sticky comment of a pull request: ours is the one with the hidden marker that the token's own user
 * wrote; anybody can copy a marker. A refusal is told as a notice, an outage as a warning. Only a cancelled job
 * throws.
 */
async function upsertComment(options) {
    const { github, context, token } = options;
    if (!github.pullRequest)
        return { action: 'skipped', reason: 'this run is not about a pull request' };
    if (token === '')
        return { action: 'skipped', reason: 'there is no token to comment with' };
    context.log.secret(token);
    try {
        const octokit = await createOctokit(token, github.apiUrl, context.signal);
        const target = { ...ownerAndName(github.repository), issue_number: github.pullRequest.number };
        // Search and write are tried again together: a lost answer to a write is found by the next search.
        return await withRetries(context, () => upsert(octokit, target, options));
    }
    catch (error) {
        context.signal.throwIfAborted();
        return skipped(error, options);
    }
}
async function upsert(octokit, target, options) {
    const marker = hiddenMarker(options.marker);
    const body = commentBody(marker, options);
    const found = await findComment(octokit, target, marker);
    if (!found) {
        const { data } = await octokit.rest.issues.createComment({ ...target, body });
        return { action: 'created', url: data.html_url };
    }
    if (found.body === body)
        return { action: 'unchanged', url: found.html_url };
    const { owner, repo } = target;
    const { data } = await octokit.rest.issues.updateComment({ owner, repo, comment_id: found.id, body });
    return { action: 'updated', url: data.html_url };
}
async function findComment(octokit, target, marker) {
    const author = await ownLogin(octokit);
    const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, { ...target, per_page: 100 });
    for await (const { data } of pages) {
        const own = data.find(({ user, body }) => user?.login === author && body?.startsWith(marker) === true);
        if (own)
            return own;
    }
    return undefined;
}
function commentBody(marker, { sections, context }) {
    const redacted = (0,runtime_sections/* redactSections */.Y)(sections, context.redactor);
    return `${marker}\n${(0,runtime_sections/* fitSections */.W)(redacted, LIMIT_CHARACTERS - marker.length - 1, 'characters')}`;
}
function skipped(error, { github, context }) {
    const message = error instanceof Error ? error.message : String(error);
    if (!isRefusal(error)) {
        const reason = `the comment could not be written: ${message}`;
        context.log.warning(reason);
        return { action: 'skipped', reason };
    }
    const why = github.pullRequest?.fork
        ? 'the pull request comes from a fork, whose token may only read'
        : 'the token may not write comments; give the job `permissions: pull-requests: write`';
    const reason = `no comment: ${why} (${message})`;
    context.log.notice(reason);
    return { action: 'skipped', reason };
}


/***/ })

};
