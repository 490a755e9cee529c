export const id = 102;
export const ids = [102];
export const modules = {

/***/ 8102:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  updateService: () => (/* binding */ updateService)
});

// EXTERNAL MODULE: ./build/src/aws/middleware.js
var middleware = __webpack_require__(6747);
// EXTERNAL MODULE: ./build/src/aws/clients/configuration.js + 1 modules
var configuration = __webpack_require__(4968);
;// CONCATENATED MODULE: ./build/src/aws/clients/ecr.js


/** Loaded when it is first asked for. */
async function ecrClient(access, context) {
    const { ECRClient } = await Promise.all(/* import() */[__webpack_require__.e(861), __webpack_require__.e(249)]).then(__webpack_require__.t.bind(__webpack_require__, 8249, 19));
    const client = new ECRClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ecs.js


/** Loaded when it is first asked for. */
async function ecsClient(access, context) {
    const { ECSClient } = await Promise.all(/* import() */[__webpack_require__.e(861), __webpack_require__.e(212)]).then(__webpack_require__.t.bind(__webpack_require__, 212, 19));
    const client = new ECSClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/elb.js


/** Loaded when it is first asked for. */
async function elbClient(access, context) {
    const { ElasticLoadBalancingV2Client } = await Promise.all(/* import() */[__webpack_require__.e(861), __webpack_require__.e(586)]).then(__webpack_require__.t.bind(__webpack_require__, 586, 19));
    const client = new ElasticLoadBalancingV2Client((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    (0,middleware/* requireAnswer */.qt)(client.middlewareStack);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/logs.js


/** Loaded when it is first asked for. */
async function logsClient(access, context) {
    const { CloudWatchLogsClient } = await Promise.all(/* import() */[__webpack_require__.e(861), __webpack_require__.e(303)]).then(__webpack_require__.t.bind(__webpack_require__, 2684, 19));
    const client = new CloudWatchLogsClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ssm.js


/** Loaded when it is first asked for. */
async function ssmClient(access, context) {
    const { SSMClient } = await Promise.all(/* import() */[__webpack_require__.e(861), __webpack_require__.e(736)]).then(__webpack_require__.t.bind(__webpack_require__, 4736, 19));
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

;// CONCATENATED MODULE: ./build/src/release/service/release-service.js
/** Releases one service: checks, pre-deploy, rollout, smoke test, rollback, ledger. Never throws: the report tells. */
function releaseService(context, request) {
    return Promise.resolve(notYet(context, request));
}
/** Takes a service back to what ran before, and follows that to its end. Never throws. */
function rollbackService(context, request) {
    return Promise.resolve(notYet(context, request));
}
/** Tells what a service runs, and changes nothing. Never throws. */
function serviceStatus(context, request) {
    return Promise.resolve(notYet(context, request));
}
function notYet({ region }, { cluster, service }) {
    return {
        cluster,
        service,
        region,
        digests: {},
        changes: [],
        findings: [],
        timeline: [],
        durationMs: 0,
        notes: [],
        verdict: 'failed',
        ok: false,
        reason: 'update-service cannot do this yet. Nothing was changed.',
    };
}

;// CONCATENATED MODULE: ./build/actions/update-service/outcome.js
/** A report as outputs, result, summary and annotations. */
function serviceOutcome(report) {
    const { verdict, ok, reason, ...rest } = report;
    return {
        verdict,
        ok,
        reason,
        outputs: {
            deployment: report.deployment ?? '',
            'task-definition': report.taskDefinition ?? '',
            'previous-task-definition': report.previousTaskDefinition ?? '',
            digests: JSON.stringify(report.digests),
            'duration-seconds': String(Math.round(report.durationMs / 1000)),
        },
        result: rest,
    };
}

;// CONCATENATED MODULE: ./build/actions/update-service/update-service.js



/** Does what the inputs ask for, and tells it. */
async function updateService(work, session, context, env) {
    const report = await run(work, serviceContext(session, context, env));
    return serviceOutcome(report);
}
function run(work, context) {
    switch (work.command) {
        case 'deploy':
            return releaseService(context, work.request);
        case 'rollback':
            return rollbackService(context, work.request);
        case 'status':
            return serviceStatus(context, work.request);
    }
}


/***/ })

};
