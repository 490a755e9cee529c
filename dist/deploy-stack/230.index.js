export const id = 230;
export const ids = [230];
export const modules = {

/***/ 9230:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  serviceContext: () => (/* binding */ serviceContext)
});

// EXTERNAL MODULE: ./build/src/aws/middleware.js
var middleware = __webpack_require__(6747);
// EXTERNAL MODULE: ./build/src/aws/clients/configuration.js + 1 modules
var configuration = __webpack_require__(4968);
;// CONCATENATED MODULE: ./build/src/aws/clients/ecr.js


/** Loaded when it is first asked for. */
async function ecrClient(access, context) {
    const { ECRClient } = await __webpack_require__.e(/* import() */ 249).then(__webpack_require__.t.bind(__webpack_require__, 8249, 19));
    const client = new ECRClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ecs.js


/** Loaded when it is first asked for. */
async function ecsClient(access, context) {
    const { ECSClient } = await __webpack_require__.e(/* import() */ 212).then(__webpack_require__.t.bind(__webpack_require__, 212, 19));
    const client = new ECSClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/elb.js


/** Loaded when it is first asked for. */
async function elbClient(access, context) {
    const { ElasticLoadBalancingV2Client } = await __webpack_require__.e(/* import() */ 586).then(__webpack_require__.t.bind(__webpack_require__, 586, 19));
    const client = new ElasticLoadBalancingV2Client((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    (0,middleware/* requireAnswer */.qt)(client.middlewareStack);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/logs.js


/** Loaded when it is first asked for. */
async function logsClient(access, context) {
    const { CloudWatchLogsClient } = await __webpack_require__.e(/* import() */ 303).then(__webpack_require__.t.bind(__webpack_require__, 2684, 19));
    const client = new CloudWatchLogsClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ssm.js


/** Loaded when it is first asked for. */
async function ssmClient(access, context) {
    const { SSMClient } = await __webpack_require__.e(/* import() */ 736).then(__webpack_require__.t.bind(__webpack_require__, 4736, 19));
    const client = new SSMClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/release/service/context.js





/** A context over a session. Each client is opened when it is first asked for. */
function serviceContext(session, context, env) {
    return {
        ...context,
        region: session.region,
        env,
        ecs: once(() => ecsClient(session, context)),
        elb: once(() => elbClient(session, context)),
        logs: once(() => logsClient(session, context)),
        ssm: once(() => ssmClient(session, context)),
        ecr: once(() => ecrClient(session, context)),
    };
}
function once(open) {
    let opened;
    return () => (opened ??= open());
}


/***/ })

};
