export const id = 812;
export const ids = [812];
export const modules = {

/***/ 3812:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   upsertComment: () => (/* binding */ upsertComment)
/* harmony export */ });
/* harmony import */ var _runtime_sections_js__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(7412);
/* harmony import */ var _client_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(6330);
/* harmony import */ var _marker_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(8279);



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
        const octokit = await (0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .createOctokit */ .Qi)(token, github.apiUrl, context.signal);
        const target = { ...(0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .ownerAndName */ .uD)(github.repository), issue_number: github.pullRequest.number };
        // Search and write are tried again together: a lost answer to a write is found by the next search.
        return await (0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .withRetries */ .LH)(context, () => upsert(octokit, target, options));
    }
    catch (error) {
        context.signal.throwIfAborted();
        return skipped(error, options);
    }
}
async function upsert(octokit, target, options) {
    const marker = (0,_marker_js__WEBPACK_IMPORTED_MODULE_1__/* .hiddenMarker */ .z)(options.marker);
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
    const author = await (0,_marker_js__WEBPACK_IMPORTED_MODULE_1__/* .ownLogin */ .C)(octokit);
    const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, { ...target, per_page: 100 });
    for await (const { data } of pages) {
        const own = data.find(({ user, body }) => user?.login === author && body?.startsWith(marker) === true);
        if (own)
            return own;
    }
    return undefined;
}
function commentBody(marker, { sections, context }) {
    const redacted = (0,_runtime_sections_js__WEBPACK_IMPORTED_MODULE_2__/* .redactSections */ .Y)(sections, context.redactor);
    return `${marker}\n${(0,_runtime_sections_js__WEBPACK_IMPORTED_MODULE_2__/* .fitSections */ .W)(redacted, LIMIT_CHARACTERS - marker.length - 1, 'characters')}`;
}
function skipped(error, { github, context }) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .isRefusal */ .vu)(error)) {
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
