export const id = 153;
export const ids = [153];
export const modules = {

/***/ 6330:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   LH: () => (/* binding */ withRetries),
/* harmony export */   Qi: () => (/* binding */ createOctokit),
/* harmony export */   c2: () => (/* binding */ statusOf),
/* harmony export */   uD: () => (/* binding */ ownerAndName),
/* harmony export */   vu: () => (/* binding */ isRefusal)
/* harmony export */ });
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


/***/ }),

/***/ 8153:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   readPullRequest: () => (/* binding */ readPullRequest)
/* harmony export */ });
/* harmony import */ var _client_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(6330);

/**
 * Reads a pull request; undefined when GitHub does not show one of that number.
 *
 * @throws the API's error: the token needs `pull-requests: read`.
 */
async function readPullRequest(access, number) {
    const { token, github, context } = access;
    const octokit = await (0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .createOctokit */ .Qi)(token, github.apiUrl, context.signal);
    const wanted = { ...(0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .ownerAndName */ .uD)(github.repository), pull_number: number };
    try {
        const { data } = await (0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .withRetries */ .LH)(context, () => octokit.rest.pulls.get(wanted));
        // The head's repository is null when the fork was deleted.
        const head = data.head;
        const fork = head.repo?.full_name !== github.repository;
        return { number, open: data.state === 'open', headSha: head.sha, fork };
    }
    catch (error) {
        if ((0,_client_js__WEBPACK_IMPORTED_MODULE_0__/* .statusOf */ .c2)(error) === 404)
            return undefined;
        throw error;
    }
}


/***/ })

};
