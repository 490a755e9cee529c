export const id = 897;
export const ids = [897];
export const modules = {

/***/ 2897:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  serviceContext: () => (/* binding */ serviceContext)
});

// EXTERNAL MODULE: ./build/src/aws/clients/ecr.js
var ecr = __webpack_require__(8938);
// EXTERNAL MODULE: ./build/src/aws/middleware.js
var middleware = __webpack_require__(6747);
// EXTERNAL MODULE: ./build/src/aws/clients/configuration.js + 1 modules
var configuration = __webpack_require__(4968);
;// CONCATENATED MODULE: ./build/src/aws/clients/ecs.js


/** Loaded when it is first asked for. */
async function ecsClient(access, context) {
    const { ECSClient } = await __webpack_require__.e(/* import() */ 212).then(__webpack_require__.t.bind(__webpack_require__, 212, 19));
    const client = new ECSClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

// EXTERNAL MODULE: ./build/src/aws/clients/elb.js
var elb = __webpack_require__(3757);
;// CONCATENATED MODULE: ./build/src/aws/clients/logs.js


/** Loaded when it is first asked for. */
async function logsClient(access, context) {
    const { CloudWatchLogsClient } = await __webpack_require__.e(/* import() */ 303).then(__webpack_require__.t.bind(__webpack_require__, 2684, 19));
    const client = new CloudWatchLogsClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

// EXTERNAL MODULE: ./build/src/aws/clients/ssm.js
var ssm = __webpack_require__(3613);
;// CONCATENATED MODULE: ./build/src/release/service/context.js





/** A context over a session. Each client is opened when it is first asked for. */
function serviceContext(session, context, env) {
    return {
        ...context,
        region: session.region,
        env,
        ecs: once(() => ecsClient(session, context)),
        elb: once(() => (0,elb/* elbClient */.H)(session, context)),
        logs: once(() => logsClient(session, context)),
        ssm: once(() => (0,ssm/* ssmClient */.B)(session, context)),
        ecr: once(() => (0,ecr/* ecrClient */.G)(session, context)),
    };
}
function once(open) {
    let opened;
    return () => (opened ??= open());
}


/***/ })

};
