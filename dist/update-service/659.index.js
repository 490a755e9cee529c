export const id = 659;
export const ids = [659];
export const modules = {

/***/ 7659:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  updateService: () => (/* binding */ update_service_updateService)
});

// EXTERNAL MODULE: ./build/src/aws/middleware.js
var middleware = __webpack_require__(6747);
// EXTERNAL MODULE: ./build/src/aws/clients/configuration.js + 1 modules
var configuration = __webpack_require__(4968);
;// CONCATENATED MODULE: ./build/src/aws/clients/ecr.js


/** Loaded when it is first asked for. */
async function ecrClient(access, context) {
    const { ECRClient } = await Promise.resolve(/* import() */).then(__webpack_require__.t.bind(__webpack_require__, 8249, 19));
    const client = new ECRClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ecs.js


/** Loaded when it is first asked for. */
async function ecsClient(access, context) {
    const { ECSClient } = await Promise.resolve(/* import() */).then(__webpack_require__.t.bind(__webpack_require__, 212, 19));
    const client = new ECSClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/elb.js


/** Loaded when it is first asked for. */
async function elbClient(access, context) {
    const { ElasticLoadBalancingV2Client } = await Promise.resolve(/* import() */).then(__webpack_require__.t.bind(__webpack_require__, 586, 19));
    const client = new ElasticLoadBalancingV2Client((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    (0,middleware/* requireAnswer */.qt)(client.middlewareStack);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/logs.js


/** Loaded when it is first asked for. */
async function logsClient(access, context) {
    const { CloudWatchLogsClient } = await Promise.resolve(/* import() */).then(__webpack_require__.t.bind(__webpack_require__, 2684, 19));
    const client = new CloudWatchLogsClient((0,configuration/* configuration */.H)(access, context));
    (0,middleware/* limitRate */.Y4)(client.middlewareStack, context.limiter);
    return client;
}

;// CONCATENATED MODULE: ./build/src/aws/clients/ssm.js


/** Loaded when it is first asked for. */
async function ssmClient(access, context) {
    const { SSMClient } = await Promise.resolve(/* import() */).then(__webpack_require__.t.bind(__webpack_require__, 4736, 19));
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

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ecs/dist-cjs/index.js
var dist_cjs = __webpack_require__(212);
// EXTERNAL MODULE: ./build/src/aws/errors.js
var errors = __webpack_require__(9368);
// EXTERNAL MODULE: ./build/src/aws/send.js
var send = __webpack_require__(9893);
// EXTERNAL MODULE: ./build/src/runtime/errors.js
var runtime_errors = __webpack_require__(9139);
;// CONCATENATED MODULE: ./build/src/runtime/poll.js

const QUICK_PHASE_MS = 15_000;
const LONGEST_WAIT_MS = 32_000;
/**
 * Checks again and again until there is an answer. It slows down on throttling only (twice as long each time,
 * 32 s at most), never because nothing happened.
 *
 * @throws TimeoutError at the limit, after one last check; the signal's reason when it is aborted; any error of
 * the check that is not throttling.
 */
async function poll(context, options, check) {
    const { clock, signal, log } = context;
    const intervalMs = options.intervalMs ?? defaultInterval;
    const started = clock.now();
    let throttledWait = 0;
    for (;;) {
        signal.throwIfAborted();
        try {
            const answer = await check();
            if (answer !== undefined)
                return answer;
            throttledWait = 0;
        }
        catch (error) {
            if (!options.isThrottle(error))
                throw error;
            throttledWait = Math.min(2 * (throttledWait || intervalMs(clock.now() - started)), LONGEST_WAIT_MS);
            log.debug(`throttled while waiting for ${options.what}: next check in ${Math.round(throttledWait)} ms`);
        }
        const elapsed = clock.now() - started;
        if (elapsed >= options.timeoutMs)
            throw new runtime_errors/* TimeoutError */.MU(options.what, options.timeoutMs);
        const wait = throttledWait || intervalMs(elapsed);
        await clock.sleep(Math.min(wait, options.timeoutMs - elapsed), signal);
    }
}
function defaultInterval(elapsedMs) {
    return elapsedMs < QUICK_PHASE_MS ? 1000 : 2000 + Math.random() * 1000;
}

;// CONCATENATED MODULE: ./build/src/ecs/service.js


/** The service cannot be deployed by this suite, or is not there. The message is for a person. */
class ServiceError extends Error {
    name = 'ServiceError';
}
/** Reads a service. Throws ServiceError when there is none, or when it is being deleted. */
async function describeService(context, { cluster, service }) {
    const command = new dist_cjs/* DescribeServicesCommand */.H7c({ cluster, services: [service] });
    const { services = [], failures = [] } = await (0,send/* send */.t)(await context.ecs(), command, context);
    const found = services.find(({ status }) => status === 'ACTIVE') ?? services[0];
    const where = `in the cluster ${nameOf(cluster)}`;
    if (!found) {
        const why = failures[0]?.reason ?? 'MISSING';
        throw new ServiceError(`There is no service ${service} ${where} (${why}).`);
    }
    if (found.status !== 'ACTIVE') {
        throw new ServiceError(`The service ${service} ${where} is ${found.status ?? 'not active'}.`);
    }
    return found;
}
/** Refuses services whose deployments ECS does not control itself. */
function requireEcsController({ serviceName = '', deploymentController }) {
    const type = deploymentController?.type ?? 'ECS';
    if (type === 'ECS')
        return;
    const how = type === 'CODE_DEPLOY'
        ? 'CodeDeploy deploys it. Move it to the ECS controller, which does blue/green, canary and linear itself'
        : 'something else deploys it by task sets. Deploy it with that';
    throw new ServiceError(`The service ${serviceName} has the deployment controller ${type}: ${how}.`);
}
/** The deployment that ECS works towards. */
function primaryDeployment({ deployments = [] }) {
    return deployments.find(({ status }) => status === 'PRIMARY');
}
/**
 * The task definition that ECS works towards. It is that of the primary deployment; where there is only one, it is the
 * service's own too, also on endpoints whose deployment keeps the one that it began with.
 */
function goalOf(service) {
    const { deployments = [], taskDefinition } = service;
    return deployments.length === 1 ? taskDefinition : primaryDeployment(service)?.taskDefinition;
}
/** Whether the service runs what it wants to run, and nothing else. */
function isSteady(service) {
    const primary = primaryDeployment(service);
    if (!primary || (service.deployments ?? []).length !== 1)
        return false;
    const { runningCount = 0, pendingCount = 0, desiredCount = 0, rolloutState = 'COMPLETED' } = primary;
    return rolloutState === 'COMPLETED' && runningCount === desiredCount && pendingCount === 0;
}
/** The container behind the load balancer, if the service has one. */
function loadBalancedContainer({ loadBalancers = [] }) {
    return loadBalancers.find(({ containerName }) => containerName !== undefined)?.containerName;
}
/** The last part of an ARN; a name stays as it is. */
function nameOf(arn) {
    return arn.slice(arn.lastIndexOf('/') + 1);
}

;// CONCATENATED MODULE: ./build/src/ecs/deployment.js






/** How long the service deployment may lag behind UpdateService. */
const LAG_MS = 30_000;
/** Asks ECS for a new revision, or another number of tasks. Gives the service as it is then. */
async function updateService(context, { cluster, service }, change) {
    const command = new dist_cjs/* UpdateServiceCommand */.kZr({ cluster, service, ...change });
    const answer = await (0,send/* send */.t)(await context.ecs(), command, context);
    if (!answer.service)
        throw new Error('UpdateService answered without a service');
    return answer.service;
}
/**
 * The deployment that works towards a task definition, as the service shows it; undefined when another one is
 * its primary one.
 */
function deploymentOf(service, address, change) {
    const primary = primaryDeployment(service);
    if (primary?.id === undefined || goalOf(service) !== change.taskDefinition)
        return undefined;
    return { ...address, ...change, id: primary.id, createdAt: primary.createdAt ?? new Date(0) };
}
/**
 * Finds the ARN of our service deployment: the one whose target revision has our task definition. It may be there
 * a moment after UpdateService only. Undefined, and said, where there are no service deployments.
 */
async function findServiceDeployment(context, deployment, hint) {
    try {
        const options = {
            what: `the service deployment of ${deployment.service}`,
            timeoutMs: LAG_MS,
            isThrottle: errors/* isThrottle */.p0,
        };
        let first = hint;
        return await poll(context, options, async () => {
            const found = await find(context, deployment, first);
            first = undefined;
            return found;
        });
    }
    catch (error) {
        if (context.signal.aborted)
            throw error;
        if (error instanceof runtime_errors/* TimeoutError */.MU) {
            context.log.info('ECS lists no service deployment for it: following the deployment of the service.');
            return undefined;
        }
        if (!isMissing(error))
            throw error;
        context.log.info(`Service deployments cannot be read here (${(0,errors/* errorText */.kc)(error)}): following the deployment of the service.`);
        return undefined;
    }
}
/** Endpoints without service deployments say so in many ways; a role without the right to read them in one. */
function isMissing(error) {
    const { name = '', $metadata } = error;
    if (['denied', 'not-found', 'other'].includes((0,errors/* classify */.L8)(error)))
        return true;
    return /Unsupported|Unknown|NotImplemented|InvalidAction/i.test(name) || $metadata?.httpStatusCode === 501;
}
async function find(context, deployment, hint) {
    if (hint !== undefined && (await isOurs(context, deployment, hint)))
        return hint;
    // A moment earlier: stamps are rounded.
    const after = new Date(deployment.createdAt.getTime() - 2000);
    const { cluster, service } = deployment;
    const command = new dist_cjs/* ListServiceDeploymentsCommand */.jz8({ cluster, service, createdAt: { after } });
    const { serviceDeployments = [] } = await (0,send/* send */.t)(await context.ecs(), command, context);
    const newest = serviceDeployments.toSorted((a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0));
    for (const { serviceDeploymentArn: arn, targetServiceRevisionArn: revision } of newest) {
        if (arn === undefined || revision === undefined)
            continue;
        const target = await describeRevision(context, revision);
        if (target?.taskDefinition === deployment.taskDefinition)
            return arn;
    }
    return undefined;
}
async function isOurs(context, deployment, arn) {
    const { targetServiceRevision } = await describeServiceDeployment(context, arn);
    if (targetServiceRevision?.arn === undefined)
        return false;
    const target = await describeRevision(context, targetServiceRevision.arn);
    return target?.taskDefinition === deployment.taskDefinition;
}
/** Reads a service deployment. Throws when there is none. */
async function describeServiceDeployment(context, arn) {
    const command = new dist_cjs/* DescribeServiceDeploymentsCommand */.A6p({ serviceDeploymentArns: [arn] });
    const { serviceDeployments = [], failures = [] } = await (0,send/* send */.t)(await context.ecs(), command, context);
    const [found] = serviceDeployments;
    if (found)
        return found;
    throw new Error(`ECS does not know the service deployment ${arn} (${failures[0]?.reason ?? 'no reason'})`);
}
/** Reads a service revision; undefined when it is not there (yet). */
async function describeRevision(context, arn) {
    const command = new dist_cjs/* DescribeServiceRevisionsCommand */.oF5({ serviceRevisionArns: [arn] });
    const { serviceRevisions = [] } = await (0,send/* send */.t)(await context.ecs(), command, context);
    return serviceRevisions[0];
}
/** The deployment that took the place of ours; undefined while ours is the one. */
async function successorOf(context, deployment) {
    const service = await describeService(context, deployment);
    const primary = primaryDeployment(service);
    if (!primary || primary.id === deployment.id)
        return undefined;
    return { taskDefinition: primary.taskDefinition ?? '' };
}

;// CONCATENATED MODULE: ./build/src/ecs/failed-tasks.js



/** DescribeTasks takes a hundred. */
const PAGE = 100;
/** The tasks of a service that are to run, or that have stopped; AWS keeps the latter for an hour. */
async function tasksOf(context, { cluster, service }, desiredStatus) {
    const client = await context.ecs();
    const arns = [];
    let nextToken;
    do {
        const command = new dist_cjs/* ListTasksCommand */.MYg({ cluster, serviceName: service, desiredStatus, nextToken });
        const page = await (0,send/* send */.t)(client, command, context);
        arns.push(...(page.taskArns ?? []));
        nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== '');
    const tasks = [];
    for (let from = 0; from < arns.length; from += PAGE) {
        const command = new dist_cjs/* DescribeTasksCommand */.z8X({ cluster, tasks: arns.slice(from, from + PAGE) });
        tasks.push(...((await (0,send/* send */.t)(client, command, context)).tasks ?? []));
    }
    return tasks;
}
/** The tasks of a deployment that failed, the first first. Those that ECS merely scaled in are left out. */
async function failedTasks(context, deployment) {
    const stopped = await tasksOf(context, deployment, 'STOPPED');
    return stopped
        .filter((task) => isOf(deployment, task))
        .map(failedTask)
        .filter(({ stoppedReason }) => !/^Scaling activity initiated by/i.test(stoppedReason))
        .toSorted((a, b) => a.at - b.at);
}
/** Whether a deployment started the task; where that is not told, whether it has its revision. */
function isOf({ id, taskDefinition }, task) {
    return task.startedBy === undefined ? task.taskDefinitionArn === taskDefinition : task.startedBy === id;
}
function failedTask(task) {
    const { taskArn = '', stopCode = '', stoppedReason = '', startedAt, pullStartedAt, pullStoppedAt } = task;
    const end = task.stoppingAt ?? task.stoppedAt ?? task.executionStoppedAt;
    const container = firstFailed(task.containers ?? []);
    const ip = ipOf(task);
    return {
        id: nameOf(taskArn),
        arn: taskArn,
        at: end?.getTime() ?? 0,
        stopCode,
        stoppedReason,
        ...(container && { container }),
        ...(pullStartedAt && pullStoppedAt && { pullMs: pullStoppedAt.getTime() - pullStartedAt.getTime() }),
        ...(startedAt && end && { ranMs: end.getTime() - startedAt.getTime() }),
        ...(ip !== undefined && { ip }),
    };
}
/** The one that says why, else the one that ended with a code, else the one that is not healthy. */
function firstFailed(containers) {
    const found = containers.find(({ reason }) => reason !== undefined && reason !== '') ??
        containers.find(({ exitCode }) => exitCode !== undefined && exitCode !== 0) ??
        containers.find(({ healthStatus }) => healthStatus === 'UNHEALTHY') ??
        containers.find(({ exitCode }) => exitCode !== undefined);
    if (found?.name === undefined)
        return undefined;
    const { name, exitCode, reason, healthStatus } = found;
    return {
        name,
        ...(exitCode !== undefined && { exitCode }),
        ...(reason !== undefined && reason !== '' && { reason }),
        ...(healthStatus !== undefined && healthStatus !== 'UNKNOWN' && { health: healthStatus }),
    };
}
function ipOf({ attachments = [], containers = [] }) {
    const details = attachments.flatMap((attachment) => attachment.details ?? []);
    return (details.find(({ name }) => name === 'privateIPv4Address')?.value ??
        containers.flatMap(({ networkInterfaces = [] }) => networkInterfaces)[0]?.privateIpv4Address);
}

;// CONCATENATED MODULE: ./build/src/ecs/proof.js





/** How long the list of tasks may lag behind the end of a deployment. */
const proof_LAG_MS = 30_000;
/** AWS says that a deployment is complete, and the tasks that run say something else. */
class ProofError extends Error {
    name = 'ProofError';
}
/**
 * Proves by the tasks themselves that a service runs this task definition and no other, as many as are wanted, and
 * that each container that was asked for by digest has that digest.
 *
 * @throws ProofError when that does not hold.
 */
async function proveRunning(context, expected) {
    let problem = '';
    try {
        const options = { what: 'the tasks', timeoutMs: proof_LAG_MS, isThrottle: errors/* isThrottle */.p0 };
        return await poll(context, options, async () => {
            const result = await look(context, expected);
            if ('digests' in result)
                return result;
            problem = result.problem;
            return undefined;
        });
    }
    catch (error) {
        if (error instanceof runtime_errors/* TimeoutError */.MU && !context.signal.aborted)
            throw new ProofError(problem);
        throw error;
    }
}
async function look(context, expected) {
    const service = await describeService(context, expected);
    const wanted = service.desiredCount ?? 0;
    const running = (await tasksOf(context, expected, 'RUNNING')).filter(({ lastStatus }) => lastStatus === undefined || lastStatus === 'RUNNING');
    const other = running.find(({ taskDefinitionArn }) => taskDefinitionArn !== expected.taskDefinition);
    const ours = running.filter(({ taskDefinitionArn }) => taskDefinitionArn === expected.taskDefinition);
    const name = nameOf(expected.taskDefinition);
    if (goalOf(service) !== expected.taskDefinition) {
        return {
            problem: `the service works towards ${nameOf(service.taskDefinition ?? 'nothing')}, not ${name}`,
        };
    }
    if (ours.length < wanted)
        return { problem: `${ours.length} of ${wanted} tasks run ${name}` };
    if (other)
        return { problem: `a task still runs ${nameOf(other.taskDefinitionArn ?? '')}` };
    return await digestsOf(ours, expected);
}
async function digestsOf(tasks, { definition, sameImage }) {
    const digests = {};
    for (const { name, image } of definition.containerDefinitions) {
        const asked = digestIn(image);
        const told = tasks.map((task) => digestOf(task, name, image));
        if (asked !== undefined && told.includes(undefined)) {
            return { problem: `AWS does not tell which image a task runs in the container ${name}` };
        }
        const found = new Set(told.filter((digest) => digest !== undefined));
        for (const digest of found) {
            if (asked !== undefined && digest !== asked && !(await sameImage(image, digest))) {
                return { problem: `a task runs ${digest} in the container ${name}, and ${asked} was asked for` };
            }
        }
        if (asked === undefined && found.size > 1) {
            return { problem: `tasks run different images in the container ${name}: ${[...found].join(', ')}` };
        }
        const digest = asked ?? [...found][0];
        if (digest !== undefined && found.size > 0)
            digests[name] = digest;
    }
    return { digests, tasks: tasks.length };
}
/** Where an endpoint tells no digest, the name that the container was started by has it. */
function digestOf({ containers = [] }, name, image) {
    const container = containers.find((one) => one.name === name);
    if (container?.imageDigest !== undefined)
        return container.imageDigest;
    return container?.image === image ? digestIn(image) : undefined;
}
/** The digest in an image's name. */
function digestIn(image) {
    return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}

;// CONCATENATED MODULE: ./build/src/ecs/task-definition.js
/** What DescribeTaskDefinition gives and RegisterTaskDefinition does not take. */
const READ_ONLY = [
    'taskDefinitionArn',
    'revision',
    'status',
    'requiresAttributes',
    'compatibilities',
    'registeredAt',
    'registeredBy',
    'deregisteredAt',
    'deleteRequestedAt',
];
/** A described task definition as it can be registered again. Fields that nobody knows stay. */
function registrable(described) {
    const kept = Object.entries(described).filter(([key]) => !READ_ONLY.includes(key));
    return Object.fromEntries(kept);
}
/** `family:revision` of an ARN; a name stays as it is. */
function revisionName(arn) {
    return arn.slice(arn.lastIndexOf('/') + 1);
}
/** The family of an ARN or of `family:revision`. */
function familyOf(arn) {
    return revisionName(arn).split(':')[0] ?? '';
}

;// CONCATENATED MODULE: ./build/src/ecs/raw-json.js
/** Makes a command's answer readable as it came: call the result once the command was sent. */
function rawAnswer(command) {
    let text = '';
    command.middlewareStack.addRelativeTo((next) => async (args) => {
        const result = await next(args);
        const body = await collect(result.response.body);
        result.response.body = body;
        text = body.toString('utf8');
        return result;
    }, { name: 'rawAnswer', relation: 'after', toMiddleware: 'deserializerMiddleware' });
    return () => JSON.parse(text);
}
/** Sends this JSON as a command's input, instead of what the SDK makes of it. */
function rawInput(command, input) {
    command.middlewareStack.addRelativeTo((next) => (args) => {
        args.request.body = JSON.stringify(input);
        return next(args);
    }, { name: 'rawInput', relation: 'after', toMiddleware: 'serializerMiddleware' });
}
async function collect(body) {
    const chunks = [];
    for await (const chunk of body)
        chunks.push(chunk);
    return Buffer.concat(chunks);
}

;// CONCATENATED MODULE: ./build/src/ecs/task-definitions.js





/** Reads a revision with its tags. Throws an error that names it when it does not exist. */
async function readTaskDefinition(context, revision) {
    const client = await context.ecs();
    const command = new dist_cjs/* DescribeTaskDefinitionCommand */.Zy$({ taskDefinition: revision, include: ['TAGS'] });
    const raw = rawAnswer(command);
    const answer = await (0,send/* send */.t)(client, command, context).catch((error) => {
        // ECS tells a missing revision from other bad requests only in words.
        if ((0,errors/* classify */.L8)(error) !== 'validation' && (0,errors/* classify */.L8)(error) !== 'not-found')
            throw error;
        throw new Error(`there is no task definition ${revision}`, { cause: error });
    });
    const { taskDefinition = {}, tags = [] } = raw();
    const definition = registrable({ ...taskDefinition });
    // Tags of AWS itself cannot be given.
    const own = tags.filter(({ key }) => !(key ?? '').startsWith('aws:'));
    if (own.length > 0)
        definition.tags = own;
    const { taskDefinitionArn: arn = revision, status } = answer.taskDefinition ?? {};
    return { arn, definition, active: status !== 'INACTIVE' && status !== 'DELETE_IN_PROGRESS' };
}
/** Registers a revision, and gives its ARN. */
async function registerTaskDefinition(context, definition) {
    const client = await context.ecs();
    const command = new dist_cjs/* RegisterTaskDefinitionCommand */.$Hl(definition);
    rawInput(command, definition);
    const { taskDefinition } = await (0,send/* send */.t)(client, command, context);
    const arn = taskDefinition?.taskDefinitionArn;
    if (arn === undefined)
        throw new Error('RegisterTaskDefinition answered without a revision');
    return arn;
}

// EXTERNAL MODULE: external "node:crypto"
var external_node_crypto_ = __webpack_require__(7598);
// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-cloudwatch-logs/dist-cjs/index.js
var client_cloudwatch_logs_dist_cjs = __webpack_require__(2684);
;// CONCATENATED MODULE: ./build/src/ecs/log-tail.js


const LINES = 25;
const LINE_LENGTH = 500;
/** Where awslogs writes a container's lines; undefined for another driver, or without a prefix to know it by. */
function logStream(definition, container, taskId) {
    const found = definition.containerDefinitions.find(({ name }) => name === container);
    const { logDriver, options = {} } = found?.logConfiguration ?? {};
    const group = options['awslogs-group'];
    const prefix = options['awslogs-stream-prefix'];
    if (logDriver !== 'awslogs' || group === undefined || prefix === undefined)
        return undefined;
    return { group, stream: `${prefix}/${container}/${taskId}` };
}
/** The last lines of a stream, each bounded, with what looks like a secret hidden. */
async function logTail(context, { group, stream }) {
    const command = new client_cloudwatch_logs_dist_cjs/* GetLogEventsCommand */.h7S({
        logGroupName: group,
        logStreamName: stream,
        limit: LINES,
        startFromHead: false,
    });
    const { events = [] } = await (0,send/* send */.t)(await context.logs(), command, context);
    return { group, stream, lines: events.map(({ message = '' }) => shownLine(message)) };
}
/** A line as it may be shown: bounded, and without what looks like a secret. Known ones the log hides itself. */
function shownLine(message) {
    const line = message.trimEnd();
    const hidden = SECRETS.reduce((text, [pattern, to]) => text.replace(pattern, to), line.slice(0, 4 * LINE_LENGTH));
    return hidden.length > LINE_LENGTH ? `${hidden.slice(0, LINE_LENGTH)}…` : hidden;
}
/** What a program in trouble likes to print: its own configuration. */
const SECRETS = [
    [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:***@'],
    [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
    [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***'],
    [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '***'],
    [
        /((?:password|passwd|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|access[_-]?key)\\?["']?\s*[:=]\s*\\?["']?)[^\s"',;&}\\]+/gi,
        '$1***',
    ],
];

;// CONCATENATED MODULE: ./build/src/ecs/one-off-task.js









/** ECS could not start it. */
class NotPlacedError extends Error {
    name = 'NotPlacedError';
}
/**
 * Runs a command as a task in a service's own network, with its log, to its end.
 *
 * @throws NotPlacedError; TimeoutError; the signal's reason. The task then still runs: see `stopTasks`.
 */
async function runOneOffTask(context, service, one) {
    const arn = await start(context, service, one);
    const log = new LogReader(context, one, nameOf(arn));
    const options = { what: `the command ${one.command.join(' ')}`, timeoutMs: one.timeoutMs, isThrottle: errors/* isThrottle */.p0 };
    const task = await poll(context, options, async () => {
        const found = await describeTask(context, one.cluster, arn);
        await log.read();
        return found?.lastStatus === 'STOPPED' ? found : undefined;
    });
    // What was written last may reach the log after the task has stopped.
    await log.read();
    const exitCode = task.containers?.find(({ name }) => name === one.container)?.exitCode;
    return { task: failedTask(task), ...(exitCode !== undefined && { exitCode }) };
}
/** Stops the tasks that were started so, and gives their ids. */
async function stopTasks(context, { cluster, startedBy }) {
    const client = await context.ecs();
    const { taskArns = [] } = await (0,send/* send */.t)(client, new dist_cjs/* ListTasksCommand */.MYg({ cluster, startedBy }), context);
    const reason = 'The job that ran it has ended.';
    for (const task of taskArns)
        await (0,send/* send */.t)(client, new dist_cjs/* StopTaskCommand */.PP1({ cluster, task, reason }), context);
    return taskArns.map(nameOf);
}
async function start(context, service, one) {
    const { capacityProviderStrategy: providers = [], launchType, platformVersion, networkConfiguration, } = service;
    const command = new dist_cjs/* RunTaskCommand */._eD({
        cluster: one.cluster,
        taskDefinition: one.taskDefinition,
        count: 1,
        // A call that is tried again must not run a migration twice.
        clientToken: (0,external_node_crypto_.randomUUID)(),
        startedBy: one.startedBy,
        ...(providers.length > 0 ? { capacityProviderStrategy: providers } : launchType && { launchType }),
        ...(platformVersion !== undefined && { platformVersion }),
        ...(networkConfiguration && { networkConfiguration }),
        overrides: { containerOverrides: [{ name: one.container, command: [...one.command] }] },
    });
    const { tasks = [], failures = [] } = await (0,send/* send */.t)(await context.ecs(), command, context);
    const arn = tasks[0]?.taskArn;
    if (arn !== undefined)
        return arn;
    const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(': '));
    throw new NotPlacedError(`ECS could not start the task: ${reasons.join('; ') || 'it gave no reason'}`);
}
/** Undefined while ECS does not know it yet. */
async function describeTask(context, cluster, arn) {
    const { tasks = [] } = await (0,send/* send */.t)(await context.ecs(), new dist_cjs/* DescribeTasksCommand */.z8X({ cluster, tasks: [arn] }), context);
    return tasks[0];
}
/** Reads a container's log from its beginning on, as it grows. A log that cannot be read is said once. */
class LogReader {
    #context;
    #stream;
    #line;
    #token;
    #unreadable = false;
    constructor(context, { definition, container, line }, taskId) {
        this.#context = context;
        this.#stream = logStream(definition, container, taskId);
        this.#line = line;
    }
    async read() {
        while (await this.#page())
            ;
    }
    /** Whether there may be more. */
    async #page() {
        if (!this.#stream || this.#unreadable)
            return false;
        const { group, stream } = this.#stream;
        const command = new client_cloudwatch_logs_dist_cjs/* GetLogEventsCommand */.h7S({
            logGroupName: group,
            logStreamName: stream,
            startFromHead: true,
            ...(this.#token !== undefined && { nextToken: this.#token }),
        });
        try {
            const { events = [], nextForwardToken } = await (0,send/* send */.t)(await this.#context.logs(), command, this.#context);
            for (const { message = '' } of events)
                this.#line(shownLine(message));
            const more = events.length > 0 && nextForwardToken !== undefined && nextForwardToken !== this.#token;
            this.#token = nextForwardToken ?? this.#token;
            return more;
        }
        catch (error) {
            // The stream begins with the first line.
            if ((0,errors/* isNotFound */.c4)(error))
                return false;
            this.#context.signal.throwIfAborted();
            this.#unreadable = true;
            this.#context.log.info(`The log of the command cannot be read: ${(0,errors/* errorText */.kc)(error)}`);
            return false;
        }
    }
}

;// CONCATENATED MODULE: ./build/src/ecs/progress.js
/** Turns what is seen of a deployment into one line for each change. */
class RolloutProgress {
    #say;
    /** The last line of each kind. */
    #said = new Map();
    constructor(say) {
        this.#say = say;
    }
    /** Tells what has changed since the last look. */
    see(state, targets) {
        this.#tell('phase', phaseLine(state));
        this.#tell('stage', state.stage === undefined ? '' : `Stage ${state.stage}.`);
        this.#tell('traffic', trafficLine(state));
        if (['in-progress', 'complete'].includes(state.phase))
            this.#tell('tasks', tasksLine(state, targets));
        this.#tell('alarms', state.alarms.length === 0 ? '' : `In alarm: ${state.alarms.join(', ')}.`);
    }
    #tell(kind, line) {
        if (line === '' || this.#said.get(kind) === line)
            return;
        this.#said.set(kind, line);
        this.#say(line);
    }
}
function phaseLine({ phase, reason }) {
    const because = reason === undefined ? '' : `: ${reason}`;
    switch (phase) {
        case 'rolling-back':
            return `ECS rolls the deployment back${because}`;
        case 'stopping':
            return 'The deployment is being stopped.';
        default:
            return '';
    }
}
function trafficLine({ traffic }) {
    if (!traffic)
        return '';
    const test = traffic.test > 0 ? `, ${traffic.test} % of the test traffic` : '';
    return `The new tasks get ${traffic.production} % of the traffic${test}.`;
}
function tasksLine({ tasks, failures }, targets) {
    const parts = [
        `${tasks.running} of ${tasks.wanted} running`,
        ...(tasks.pending > 0 ? [`${tasks.pending} pending`] : []),
        ...(targets ? [`${targets.healthy} of ${targets.registered} targets healthy`] : []),
        ...(failures.count > 0 ? [failuresPart(failures)] : []),
    ];
    return `Tasks: ${parts.join(', ')}.`;
}
function failuresPart({ count, threshold }) {
    return threshold === undefined ? `${count} failed` : `${count} failed of the ${threshold} that stop it`;
}

;// CONCATENATED MODULE: ./build/src/ecs/rollout-state.js


const PHASES = {
    PENDING: 'pending',
    IN_PROGRESS: 'in-progress',
    STOP_REQUESTED: 'stopping',
    ROLLBACK_REQUESTED: 'rolling-back',
    ROLLBACK_IN_PROGRESS: 'rolling-back',
    SUCCESSFUL: 'complete',
    ROLLBACK_SUCCESSFUL: 'rolled-back',
    ROLLBACK_FAILED: 'rollback-failed',
};
function isEnd(phase) {
    return !['pending', 'in-progress', 'stopping', 'rolling-back'].includes(phase);
}
/** Looks at a deployment once. */
async function readRollout(context, deployment) {
    if (deployment.arn === undefined)
        return stateOfService(await describeService(context, deployment), deployment);
    const found = await describeServiceDeployment(context, deployment.arn);
    const state = stateOf(found);
    if (found.status === 'STOPPED')
        return { ...state, ...(await whyStopped(context, deployment, found)) };
    const revision = found.rollback?.serviceRevisionArn;
    if (revision === undefined || !isEnd(state.phase))
        return state;
    const target = await describeRevision(context, revision);
    return { ...state, ...(target?.taskDefinition !== undefined && { other: target.taskDefinition }) };
}
function stateOf(found) {
    const { status = '', statusReason, rollback, lifecycleStage, finishedAt } = found;
    const { requestedTaskCount = 0, runningTaskCount = 0, pendingTaskCount = 0, } = found.targetServiceRevision ?? {};
    const reason = rollback?.reason ?? statusReason;
    const breaker = found.deploymentCircuitBreaker;
    const shifts = (found.deploymentConfiguration?.strategy ?? 'ROLLING') !== 'ROLLING';
    const { requestedProductionTrafficWeight: production = 0, requestedTestTrafficWeight: test = 0 } = found.targetServiceRevision ?? {};
    return {
        phase: PHASES[status] ?? 'in-progress',
        ...(reason !== undefined && { reason }),
        tasks: { wanted: requestedTaskCount, running: runningTaskCount, pending: pendingTaskCount },
        failures: {
            count: breaker?.failureCount ?? 0,
            ...(breaker?.status !== 'DISABLED' &&
                breaker?.threshold !== undefined && { threshold: breaker.threshold }),
        },
        ...(shifts && lifecycleStage !== undefined && { stage: lifecycleStage }),
        ...(shifts && { traffic: { production, test } }),
        ...pauseOf(found),
        alarms: found.alarms?.triggeredAlarmNames ?? [],
        ...(finishedAt && { finishedAt }),
    };
}
function pauseOf({ lifecycleHookDetails = [] }) {
    const waiting = lifecycleHookDetails.find(({ targetType, status }) => targetType === 'PAUSE' && status === 'AWAITING_ACTION');
    if (waiting?.hookId === undefined)
        return {};
    const { hookId, expiresAt } = waiting;
    return { pause: { hookId, ...(expiresAt && { expiresAt }) } };
}
/** STOPPED says only that it is over: by the breaker or an alarm, by a newer deployment, or by a person. */
async function whyStopped(context, deployment, { deploymentCircuitBreaker: breaker, alarms }) {
    if (breaker?.status === 'TRIGGERED' || alarms?.status === 'TRIGGERED')
        return { phase: 'failed' };
    const successor = await successorOf(context, deployment);
    return successor ? { phase: 'superseded', other: successor.taskDefinition } : { phase: 'stopped' };
}
/**
 * The same from the service's own list, where there are no service deployments. A deployment that is no longer the
 * primary one was rolled back when it failed or the new one is ECS's way back, else another took its place.
 */
function stateOfService(service, ours) {
    const primary = primaryDeployment(service);
    const own = (service.deployments ?? []).find(({ id }) => id === ours.id);
    const state = {
        phase: 'in-progress',
        ...(own?.rolloutStateReason !== undefined && { reason: own.rolloutStateReason }),
        tasks: {
            wanted: own?.desiredCount ?? 0,
            running: own?.runningCount ?? 0,
            pending: own?.pendingCount ?? 0,
        },
        failures: { count: own?.failedTasks ?? 0 },
        alarms: [],
    };
    if (own && primary?.id === ours.id)
        return { ...state, phase: phaseOfPrimary(service, own) };
    const other = primary?.taskDefinition;
    const back = isWayBack(primary, own, ours);
    const reason = back ? (primary?.rolloutStateReason ?? state.reason) : state.reason;
    return {
        ...state,
        phase: back ? phaseOfWayBack(primary) : 'superseded',
        ...(reason !== undefined && { reason }),
        ...(other !== undefined && { other }),
    };
}
/** Where there is no rolloutState either, a deployment is complete when all others are gone. */
function phaseOfPrimary(service, own) {
    if (own.rolloutState === 'FAILED')
        return 'failed';
    if (own.rolloutState === 'IN_PROGRESS')
        return 'in-progress';
    const { runningCount = 0, desiredCount = 0, pendingCount = 0 } = own;
    const alone = (service.deployments ?? []).length === 1;
    const there = runningCount === desiredCount && pendingCount === 0;
    return there && (own.rolloutState === 'COMPLETED' || alone) ? 'complete' : 'in-progress';
}
function isWayBack(primary, own, ours) {
    if (primary?.taskDefinition !== ours.previous)
        return false;
    return own?.rolloutState === 'FAILED' || /rolling back|rolled back/i.test(primary.rolloutStateReason ?? '');
}
function phaseOfWayBack(primary) {
    if (primary?.rolloutState === 'COMPLETED')
        return 'rolled-back';
    return primary?.rolloutState === 'FAILED' ? 'rollback-failed' : 'rolling-back';
}

;// CONCATENATED MODULE: ./build/src/ecs/rollout.js




/** With how many failed looks in a row, after the SDK's own retries, the watch gives up. */
const FAILED_LOOKS = 5;
/** How often targets are counted while nothing else changes. */
const TARGETS_EVERY_MS = 20_000;
/**
 * Watches one deployment to its end. A rollback is watched to its end too: that it has begun is told at once.
 *
 * @throws TimeoutError at the deadline; the signal's reason; what `paused` throws.
 */
async function watchRollout(context, deployment, options) {
    const watch = new Watch(context, deployment, options.observer);
    const what = `the deployment of ${deployment.service}`;
    return await poll(context, { what, timeoutMs: options.timeoutMs, isThrottle: errors/* isThrottle */.p0 }, () => watch.look());
}
class Watch {
    #context;
    #deployment;
    #observer;
    #progress;
    #paused = new Set();
    #decisionError;
    #targets;
    #countedAt = -Infinity;
    #seen = '';
    #failures = 0;
    #turned = false;
    #failedLooks = 0;
    constructor(context, deployment, observer) {
        this.#context = context;
        this.#deployment = deployment;
        this.#observer = observer;
        this.#progress = new RolloutProgress((line) => {
            observer.say(line);
        });
    }
    /** One look: the state when it is an end. Lost connections and AWS's own errors are borne for a while. */
    async look() {
        if (this.#decisionError)
            throw this.#decisionError;
        try {
            const state = await readRollout(this.#context, this.#deployment);
            await this.#take(state);
            this.#failedLooks = 0;
            return isEnd(state.phase) ? state : undefined;
        }
        catch (error) {
            const passing = ['network', 'server'].includes((0,errors/* classify */.L8)(error));
            if (!passing || this.#context.signal.aborted || ++this.#failedLooks >= FAILED_LOOKS)
                throw error;
            this.#context.log.info(`AWS did not answer (${this.#failedLooks} of ${FAILED_LOOKS - 1} times); watching on.`);
            return undefined;
        }
    }
    async #take(state) {
        // The end is told without another call.
        if (!isEnd(state.phase))
            await this.#count(state);
        this.#progress.see(state, this.#targets);
        const turned = ['rolling-back', 'rolled-back', 'rollback-failed', 'failed'].includes(state.phase);
        const more = state.failures.count > this.#failures;
        if ((more && this.#failures === 0) || (turned && !this.#turned))
            await this.#observer.failing(state);
        this.#turned ||= turned;
        this.#failures = Math.max(this.#failures, state.failures.count);
        if (state.pause && !isEnd(state.phase))
            this.#decide(state.pause.hookId, state);
    }
    /** Targets are counted when the tasks change, and from time to time: it is another call. */
    async #count(state) {
        const now = this.#context.clock.now();
        const seen = JSON.stringify([state.tasks, state.traffic, state.stage]);
        if (seen === this.#seen && now - this.#countedAt < TARGETS_EVERY_MS)
            return;
        this.#seen = seen;
        this.#countedAt = now;
        this.#targets = await this.#observer.targets();
    }
    /** The watch goes on while the decision is made. */
    #decide(hookId, state) {
        if (this.#paused.has(hookId))
            return;
        this.#paused.add(hookId);
        this.#observer.paused(hookId, state).catch((error) => {
            this.#decisionError = error instanceof Error ? error : new Error(String(error));
        });
    }
}

;// CONCATENATED MODULE: ./build/src/ecs/stop-deployment.js



/**
 * Tells ECS to end a deployment: to roll it back, or to leave everything where it is. Where there are no service
 * deployments the service is sent back to the task definition before.
 *
 * @returns what ECS was told.
 */
async function stopDeployment(context, deployment, how) {
    if (deployment.arn !== undefined) {
        const command = new dist_cjs/* StopServiceDeploymentCommand */.a8L({ serviceDeploymentArn: deployment.arn, stopType: how });
        await (0,send/* send */.t)(await context.ecs(), command, context);
        return 'told';
    }
    if (how === 'ABORT')
        return 'cannot';
    await updateService(context, deployment, { taskDefinition: deployment.previous });
    return 'sent-back';
}

;// CONCATENATED MODULE: ./build/src/ecs/causes.js
const said = ({ stoppedReason, container }) => `${stoppedReason} ${container?.reason ?? ''}`;
const causes_nameOf = ({ container }) => container?.name ?? 'the container';
const saying = (pattern) => (evidence) => pattern.test(said(evidence));
/** The port that the program says it listens on, when it is another than requests go to. */
function otherPort({ log, port }) {
    if (port === undefined)
        return undefined;
    const ports = [...log.matchAll(/\blisten\w*\b[^\n]{0,60}?(?::|\bport["']?\s*[:=]?\s*)(\d{2,5})\b/gi)].map((found) => Number(found[1]));
    return ports.includes(port) ? undefined : ports.at(-1);
}
const healthChecks = /health checks/i;
/**
 * The first that fits is used: the particular stand before the general.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 */
const CAUSES = [
    {
        when: (one) => /exec format error/i.test(`${said(one)} ${one.log}`) ||
            saying(/no matching manifest|image Manifest does not contain descriptor matching platform/i)(one),
        cause: (one) => `The image of ${causes_nameOf(one)} is built for another CPU architecture than ${one.architecture}`,
        fix: ({ architecture }) => `Build the image for ${architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64'} (build-push-image: platforms), or set runtimePlatform.cpuArchitecture to what it is built for.`,
    },
    {
        when: saying(/CannotPull\w*Error.*(?:not found|manifest unknown|does not exist|repository .* not)/is),
        cause: () => 'The image cannot be pulled: it does not exist',
        fix: 'Push the image first, and check repository, digest or tag, and the account and region in its name.',
    },
    {
        when: saying(/CannotPull\w*Error.*(?:denied|not authorized|unauthorized|AccessDenied|403)/is),
        cause: () => 'The image cannot be pulled: access is denied',
        fix: 'Allow ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:GetAuthorizationToken to the execution role; an image of another account needs its repository policy too.',
    },
    {
        when: saying(/CannotPull\w*Error.*(?:toomanyrequests|rate limit)/is),
        cause: () => 'The image cannot be pulled: the registry limits the rate',
        fix: 'Copy the image to ECR, or use a pull-through cache.',
    },
    {
        when: saying(/CannotPull\w*Error/i),
        cause: () => 'The image cannot be pulled: the registry cannot be reached',
        fix: 'Give the subnets a way to ECR and S3: a NAT gateway, or the endpoints ecr.api, ecr.dkr and s3; and allow port 443 out of the security group.',
    },
    {
        when: saying(/ResourceInitializationError.*(?:AccessDenied|not authorized)/is),
        cause: () => 'The execution role may not read a secret or parameter that the task needs',
        fix: (one) => {
            const [, action, resource] = /perform: (\S+)(?: on resource: ([^\s,]+))?/.exec(said(one)) ?? [];
            const what = action === undefined ? 'secretsmanager:GetSecretValue or ssm:GetParameters' : action;
            const where = resource === undefined ? '' : ` on ${resource}`;
            return `Allow ${what}${where} to the execution role, and kms:Decrypt on the key behind it.`;
        },
    },
    {
        when: saying(/ResourceInitializationError.*(?:ResourceNotFound|can't find the specified secret|ParameterNotFound|invalid parameters|did not contain json key)/is),
        cause: () => 'A secret or parameter that the task needs does not exist',
        fix: 'Create it, or correct its ARN (or its JSON key) in the task definition: the message names it.',
    },
    {
        when: saying(/ResourceInitializationError.*(?:log group|logger|awslogs)/is),
        cause: () => 'The log of the task cannot be opened',
        fix: 'Create the log group that the task definition names, and allow logs:CreateLogStream and logs:PutLogEvents to the execution role.',
    },
    {
        when: saying(/ResourceInitializationError/i),
        cause: () => 'The task could not be prepared: a service of AWS cannot be reached',
        fix: 'Give the subnets a way to Secrets Manager, SSM, ECR and CloudWatch Logs: a NAT gateway or their endpoints; and allow port 443 out of the security group.',
    },
    {
        when: saying(/InsufficientFreeAddresses|not (?:have )?enough free addresses/i),
        cause: () => 'The subnets have no free addresses left',
        fix: 'Add subnets to the service, or free addresses: every task takes one, and a deployment up to twice as many.',
    },
    {
        when: saying(/reached the limit on the number of vCPUs|vCPU.*limit/i),
        cause: () => "The account's quota of Fargate vCPUs is used up",
        fix: 'Ask for more in Service Quotas (Fargate On-Demand vCPU resource count), or deploy fewer tasks at once.',
    },
    {
        when: saying(/Capacity is unavailable|RESOURCE:(?:CPU|MEMORY|ENI)|unable to place a task|Capacity provider/i),
        cause: () => 'There is no capacity for the tasks',
        fix: 'Try again later, add subnets in other availability zones, or let the capacity provider strategy fall back from FARGATE_SPOT to FARGATE.',
    },
    {
        when: (one) => one.stopCode === 'SpotInterruption' || saying(/spot interruption/i)(one),
        cause: () => 'AWS took the Spot capacity back',
        fix: 'Run the tasks that must stay on FARGATE, or deploy again.',
    },
    {
        when: saying(/unable to assume (?:the )?role/i),
        cause: () => 'ECS cannot assume a role of the task',
        fix: 'The execution role and the task role must exist and trust ecs-tasks.amazonaws.com.',
    },
    {
        when: saying(/container health checks/i),
        cause: (one) => `The container's own health check fails in ${causes_nameOf(one)}`,
        fix: 'Run the healthCheck command of the task definition in the image: it may need a program that the image lacks, a longer startPeriod, or the right port.',
    },
    {
        when: (one) => (healthChecks.test(said(one)) || one.target !== '') && otherPort(one) !== undefined,
        cause: (one) => `The program listens on port ${otherPort(one) ?? ''}, and the load balancer asks port ${one.port ?? ''}`,
        fix: (one) => `Let the program listen on port ${one.port ?? ''}, or set containerPort of the service and of its target group to ${otherPort(one) ?? ''}.`,
    },
    {
        when: ({ target }) => /ResponseCodeMismatch|with these codes/i.test(target),
        cause: (one) => {
            const code = /codes?: \[?(\d{3})/.exec(one.target)?.[1];
            const path = one.healthCheckPath === '' ? 'The health check' : `The health check ${one.healthCheckPath}`;
            return `${path} is answered with ${code ?? 'a status that does not count as healthy'}`;
        },
        fix: (one) => `Let the program answer ${one.healthCheckPath || 'the health check path'} with the status that the target group expects (200 by default), or correct the path.`,
    },
    {
        when: ({ target }) => /Target\.Timeout|timed out/i.test(target),
        cause: (one) => `The health check gets no answer on port ${one.port ?? 'of the container'}`,
        fix: 'Allow the load balancer into the security group of the tasks on this port, and let the program bind 0.0.0.0, on this port, within the grace period.',
    },
    {
        when: (one) => /FailedHealthChecks/i.test(one.target) || /ELB health checks/i.test(said(one)),
        cause: (one) => `The load balancer's health check fails on port ${one.port ?? 'of the container'}`,
        fix: 'Check that the program listens on this port and on 0.0.0.0, answers the health check path with 200, and is up within the grace period (healthCheckGracePeriodSeconds).',
    },
    {
        when: (one) => saying(/OutOfMemory/i)(one) || one.container?.exitCode === 137,
        cause: (one) => `The container ${causes_nameOf(one)} ran out of memory (exit code 137)`,
        fix: ({ memory }) => `Give the task more memory${memory === '' ? '' : ` than ${memory} MiB`} (input memory), or find what grows: limit the heap below the container's memory.`,
    },
    {
        when: ({ container }) => container?.exitCode === 139,
        cause: (one) => `The container ${causes_nameOf(one)} crashed with a segmentation fault (exit code 139)`,
        fix: 'A native library crashed, most often one that was built for another C library or CPU. Rebuild the image with its native modules for its own base.',
    },
    {
        when: (one) => saying(/CannotStartContainer|executable file not found|no such file or directory/i)(one) ||
            [126, 127].includes(one.container?.exitCode ?? 0),
        cause: (one) => `The command of ${causes_nameOf(one)} cannot be started`,
        fix: 'Check entryPoint and command: the file must exist in the image and be executable.',
    },
    {
        when: ({ container }) => container?.exitCode === 0,
        cause: (one) => `The container ${causes_nameOf(one)} ended by itself, without an error (exit code 0)`,
        fix: 'A service must keep running in the foreground. Check the command, and that the program does not end when its input is closed.',
    },
    {
        when: ({ container }) => container?.exitCode !== undefined,
        cause: (one) => `The container ${causes_nameOf(one)} ended with exit code ${one.container?.exitCode ?? ''}${soon(one)}`,
        fix: 'The program ended by itself: the last lines of its log say why. A missing variable or secret, or a dependency that cannot be reached, are the usual reasons.',
    },
    {
        when: ({ stopCode }) => stopCode === 'UserInitiated',
        cause: () => 'Somebody stopped the task',
        fix: 'CloudTrail tells who called StopTask. Deploy again.',
    },
    {
        when: () => true,
        cause: ({ stoppedReason, target }) => (stoppedReason || target || 'The tasks failed, and AWS does not say why').replace(/\.$/, ''),
        fix: 'Look at the stopped tasks of the service and at its events.',
    },
];
/** What a failure means and what to do about it. */
function explain(evidence) {
    const found = CAUSES.find(({ when }) => when(evidence));
    if (!found)
        throw new Error('the last cause fits all');
    return {
        cause: found.cause(evidence),
        fix: typeof found.fix === 'string' ? found.fix : found.fix(evidence),
    };
}
function soon({ ranMs }) {
    if (ranMs === undefined)
        return '';
    return ranMs < 60_000 ? ' as it started' : ` after ${Math.round(ranMs / 60_000)} min`;
}

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-elastic-load-balancing-v2/dist-cjs/index.js
var client_elastic_load_balancing_v2_dist_cjs = __webpack_require__(586);
;// CONCATENATED MODULE: ./build/src/ecs/targets.js


/** The target groups that a service registers its tasks in, also that of blue/green's other colour. */
function targetGroupsOf({ loadBalancers = [] }) {
    const arns = loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration }) => [
        targetGroupArn,
        advancedConfiguration?.alternateTargetGroupArn,
    ]);
    return [...new Set(arns.filter((arn) => arn !== undefined))];
}
/** Reads these groups. */
async function describeTargetGroups(context, arns) {
    const command = new client_elastic_load_balancing_v2_dist_cjs/* DescribeTargetGroupsCommand */.sC7({ TargetGroupArns: [...arns] });
    const { TargetGroups = [] } = await (0,send/* send */.t)(await context.elb(), command, context);
    return TargetGroups.map(({ TargetGroupArn = '', Port, HealthCheckPath = '', TargetType = '' }) => ({
        arn: TargetGroupArn,
        port: Port,
        healthCheckPath: HealthCheckPath,
        targetType: TargetType,
    }));
}
/** All targets of these groups. */
async function targetStates(context, groups) {
    const client = await context.elb();
    const answers = await Promise.all(groups.map((arn) => (0,send/* send */.t)(client, new client_elastic_load_balancing_v2_dist_cjs/* DescribeTargetHealthCommand */.qyg({ TargetGroupArn: arn }), context)));
    return answers.flatMap(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions.map(targets_stateOf));
}
/** How many of the targets that stay are healthy. */
function countTargets(states) {
    const staying = states.filter(({ state }) => state !== 'draining');
    return {
        registered: staying.length,
        healthy: staying.filter(({ state }) => state === 'healthy').length,
    };
}
function targets_stateOf({ Target, TargetHealth }) {
    return {
        ip: Target?.Id ?? '',
        port: Target?.Port ?? 0,
        state: TargetHealth?.State ?? 'unknown',
        reason: TargetHealth?.Reason ?? '',
        description: TargetHealth?.Description ?? '',
    };
}

;// CONCATENATED MODULE: ./build/src/ecs/diagnosis.js






/** How many groups of tasks that failed alike are told. */
const GROUPS = 5;
/**
 * Why the tasks of a deployment fail: the first failed task first, alike ones together, with the end of its log.
 * Undefined when no task failed, no target is unhealthy and the service says nothing. What cannot be read is left
 * out, and the log says so: a diagnosis never ends a watch.
 */
async function diagnose(context, deployment, definition, state) {
    const attempt = attempts(context);
    const service = await attempt('the service', () => describeService(context, deployment), {});
    const arns = targetGroupsOf(service);
    const [failed, targets, groups] = await Promise.all([
        attempt('the stopped tasks', () => failedTasks(context, deployment), []),
        arns.length === 0 ? [] : attempt('the targets', () => targetStates(context, arns), []),
        arns.length === 0 ? [] : attempt('the target groups', () => describeTargetGroups(context, arns), []),
    ]);
    const events = eventsOf(service, deployment);
    const findings = { context, definition, service, failed, targets, groups, events };
    if (failed.length > 0)
        return await ofTasks(findings, attempt);
    const unhealthy = targets.filter(({ state }) => state === 'unhealthy');
    if (unhealthy.length > 0)
        return await ofTargets(findings, deployment, unhealthy, attempt);
    return ofState(state) ?? ofEvents(findings);
}
function attempts(context) {
    return async (what, read, otherwise) => {
        try {
            return await read();
        }
        catch (error) {
            if (!context.signal.aborted)
                context.log.info(`For the diagnosis ${what} cannot be read: ${(0,errors/* errorText */.kc)(error)}`);
            return otherwise;
        }
    };
}
async function ofTasks(findings, attempt) {
    const alike = groupAlike(findings.failed).slice(0, GROUPS);
    const told = await Promise.all(alike.map(async (tasks) => {
        const [first] = tasks;
        const log = await readLog(findings, first, attempt);
        const evidence = evidenceOf(findings, first, log);
        const explanation = explain(evidence);
        return { log, explanation, group: reported(tasks, explanation, evidence.target) };
    }));
    const [first] = told;
    if (!first)
        throw new Error('there is a failed task');
    return failure(first.explanation, told.map(({ group }) => group), first.log);
}
/** Tasks that run and do not get healthy: nothing has stopped yet. */
async function ofTargets(findings, deployment, unhealthy, attempt) {
    const running = await attempt('the tasks', () => tasksOf(findings.context, deployment, 'RUNNING'), []);
    const ours = running.filter((task) => isOf(deployment, task)).map(failedTask);
    const sick = ours.filter(({ ip }) => unhealthy.some((target) => target.ip === ip));
    const [first] = sick;
    if (!first)
        return ofEvents(findings);
    const container = findings.definition.containerDefinitions.find(({ portMappings = [] }) => portMappings.length > 0);
    const task = { ...first, ...(container && !first.container && { container: { name: container.name } }) };
    const log = await readLog(findings, task, attempt);
    const evidence = evidenceOf(findings, { ...task, stoppedReason: 'Task failed ELB health checks' }, log);
    const explanation = explain(evidence);
    const group = reported([task, ...sick.slice(1)], explanation, evidence.target);
    return failure(explanation, [group], log);
}
/** Where no task failed, and ECS turns back all the same. */
function ofState(state) {
    const alarms = state?.alarms ?? [];
    if (alarms.length > 0) {
        const which = alarms.length === 1 ? `The alarm ${alarms[0] ?? ''} went` : `The alarms ${alarms.join(', ')} went`;
        const fix = 'Look at what the alarm measures since the deployment began: the new tasks were up, so most likely they serve errors or are slow.';
        return failure({ cause: `${which} off during the deployment`, fix }, [], undefined);
    }
    if (!/lifecycle hook/i.test(state?.reason ?? ''))
        return undefined;
    const fix = 'A Lambda hook says why in its log; a PAUSE hook was answered with ROLLBACK, or by nobody in time (smoke-test answers it).';
    return failure({ cause: 'A lifecycle hook of the deployment failed', fix }, [], undefined);
}
/** Where no task was ever started: the service's own events tell. */
function ofEvents(findings) {
    const telling = findings.events.find((message) => /unable to|was unable|unhealthy in|error|reached the limit/i.test(message));
    if (telling === undefined)
        return undefined;
    const words = telling.replace(/^\(service [^)]*\)\s*/, '');
    const evidence = { ...nothing(findings), stoppedReason: words };
    return failure(explain(evidence), [], undefined);
}
function failure({ cause, fix }, groups, log) {
    return {
        cause,
        fix,
        groups,
        ...(log && log.lines.length > 0 && { log: { stream: log.stream, lines: log.lines } }),
    };
}
async function readLog({ context, definition }, { id, container }, attempt) {
    const stream = container && logStream(definition, container.name, id);
    if (!stream)
        return undefined;
    return await attempt(`the log ${stream.stream}`, () => logTail(context, stream), undefined);
}
function evidenceOf(findings, task, log) {
    const { stopCode, stoppedReason, container, ranMs } = task;
    return {
        ...nothing(findings),
        stopCode,
        stoppedReason,
        ...(container && { container }),
        ...(ranMs !== undefined && { ranMs }),
        target: /health checks/i.test(stoppedReason) ? targetOf(findings, task) : '',
        log: (log?.lines ?? []).join('\n'),
    };
}
function nothing({ definition, service, groups }) {
    const port = (service.loadBalancers ?? []).find(({ containerPort }) => containerPort !== undefined)?.containerPort;
    return {
        stopCode: '',
        stoppedReason: '',
        target: '',
        log: '',
        architecture: definition.runtimePlatform?.cpuArchitecture ?? 'X86_64',
        memory: definition.memory ?? '',
        port,
        healthCheckPath: groups[0]?.healthCheckPath ?? '',
    };
}
/** What the load balancer says of this task, else of any that is unhealthy, else what the service's events say. */
function targetOf({ targets, events }, { ip }) {
    const sick = targets.filter(({ state, reason }) => state === 'unhealthy' || reason.startsWith('Target.Failed'));
    const found = sick.find((target) => target.ip === ip) ?? sick[0];
    if (found)
        return `${found.reason}: ${found.description}`;
    const told = events.find((message) => /unhealthy in .* due to/i.test(message));
    return /due to \(reason (.*)\)/i.exec(told ?? '')?.[1] ?? '';
}
/** Tasks that failed for the same reason, but for the ids in it; the group of the first failure first. */
function groupAlike(tasks) {
    const groups = new Map();
    for (const task of tasks) {
        const { stopCode, stoppedReason, container } = task;
        const words = `${stoppedReason} ${container?.reason ?? ''}`.replace(/[0-9a-f]{8,}|\d+(?:\.\d+){3}/gi, '…');
        const key = JSON.stringify([stopCode, words, container?.name, container?.exitCode]);
        const known = groups.get(key);
        if (known)
            known.push(task);
        else
            groups.set(key, [task]);
    }
    return [...groups.values()];
}
function reported(tasks, { cause }, target) {
    const [{ id, container, stopCode, stoppedReason, pullMs }] = tasks;
    return {
        cause,
        count: tasks.length,
        task: id,
        ...(container && { container: container.name }),
        ...(container?.exitCode !== undefined && { exitCode: container.exitCode }),
        ...(stopCode !== '' && { stopCode }),
        ...(stoppedReason !== '' && {
            stoppedReason: [stoppedReason, container?.reason].filter(Boolean).join(': '),
        }),
        ...(container?.health !== undefined && { health: container.health }),
        ...(pullMs !== undefined && { pullMs }),
        ...(target !== '' && { target }),
    };
}
/** Stamps are rounded: a moment earlier. */
function eventsOf({ events = [] }, { createdAt }) {
    return events
        .filter((event) => (event.createdAt?.getTime() ?? 0) >= createdAt.getTime() - 2000)
        .map(({ message = '' }) => message);
}

// EXTERNAL MODULE: external "node:child_process"
var external_node_child_process_ = __webpack_require__(1421);
// EXTERNAL MODULE: external "node:readline"
var external_node_readline_ = __webpack_require__(481);
;// CONCATENATED MODULE: ./build/src/release/service/smoke-test.js






const REQUEST_LIMIT_MS = 10_000;
const RETRY_MS = 2000;
const BODY_LIMIT = 1024 * 1024;
/** How long a command may take to end after it was told to. */
const KILL_AFTER_MS = 2000;
/** Tries again until it passes or its time is over. Throws only the signal's reason. */
async function runSmokeTest(context, test, { variables, headers }) {
    const { clock, signal } = context;
    const startedAt = clock.now();
    const what = test.kind === 'url' ? withoutPassword(test.url) : test.command.join(' ');
    const limit = AbortSignal.any([signal, AbortSignal.timeout(test.timeoutMs)]);
    let attempts = 0;
    let detail = '';
    const attempt = async () => {
        attempts++;
        const result = test.kind === 'url'
            ? await ask(test, headers, limit)
            : await execute(test.command, variables, context, limit);
        // The limit cuts the last attempt short: what the one before it gave tells more.
        if (result.ok || detail === '' || !limit.aborted)
            detail = result.detail;
        context.log.info(`Smoke test, attempt ${attempts}: ${detail}.`);
        return result.ok ? true : undefined;
    };
    const options = {
        what: 'the smoke test',
        timeoutMs: test.timeoutMs,
        intervalMs: () => RETRY_MS,
        isThrottle: errors/* isThrottle */.p0,
    };
    let ok = true;
    try {
        await poll(context, options, attempt);
    }
    catch (error) {
        if (signal.aborted || !(error instanceof runtime_errors/* TimeoutError */.MU))
            throw error;
        ok = false;
    }
    return { what, ok, attempts, detail, durationMs: clock.now() - startedAt };
}
async function ask({ url, status: [low, high], body }, headers, limit) {
    try {
        const signal = AbortSignal.any([limit, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
        const response = await fetch(url, {
            signal,
            redirect: 'manual',
            headers: { 'cache-control': 'no-cache', ...headers },
        });
        const text = await bounded(response);
        const answered = `HTTP ${response.status}`;
        if (response.status < low || response.status > high) {
            return { ok: false, detail: `${answered}, not ${low === high ? low : `${low} to ${high}`}` };
        }
        if (body !== undefined && !text.includes(body)) {
            return { ok: false, detail: `${answered}, without ${JSON.stringify(body)} in the body` };
        }
        return { ok: true, detail: answered };
    }
    catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        return { ok: false, detail: `no answer (${cause instanceof Error ? cause.message : String(cause)})` };
    }
}
async function bounded(response) {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > BODY_LIMIT)
            break;
    }
    return text;
}
/** Runs the program itself: no shell reads its arguments. Its output goes to the log. */
async function execute([program, ...args], variables, { env, log }, limit) {
    const own = Object.entries(env).filter(([name]) => !name.startsWith('INPUT_'));
    const child = (0,external_node_child_process_.spawn)(program, args, {
        env: { ...Object.fromEntries(own), ...variables },
        stdio: ['ignore', 'pipe', 'pipe'],
        shell: false,
    });
    const stop = () => {
        child.kill('SIGTERM');
        setTimeout(() => {
            child.kill('SIGKILL');
            // What the program itself has started may still hold its output open.
            child.stdout.destroy();
            child.stderr.destroy();
        }, KILL_AFTER_MS).unref();
    };
    limit.addEventListener('abort', stop, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
        (0,external_node_readline_.createInterface)({ input: stream }).on('line', (line) => {
            log.info(`  ${shownLine(line)}`);
        });
    }
    try {
        return await new Promise((resolve) => {
            child.on('error', (error) => {
                resolve({ ok: false, detail: `it could not be started (${error.message})` });
            });
            child.on('close', (code, signal) => {
                resolve({
                    ok: code === 0,
                    detail: code === null ? `ended by ${signal ?? 'a signal'}` : `exit code ${code}`,
                });
            });
        });
    }
    finally {
        limit.removeEventListener('abort', stop);
    }
}
function withoutPassword(url) {
    const parsed = new URL(url);
    parsed.password = '';
    parsed.username = '';
    parsed.search = '';
    return parsed.toString();
}

;// CONCATENATED MODULE: ./build/src/release/service/follow.js








/** Says which service's new tasks a request is for: what the test rule of templates/fargate.yml looks at. */
const TEST_HEADER = 'x-platform-test';
/** Follows a deployment to its end; explains it as soon as it fails, and answers its PAUSE hooks by the smoke test. */
async function follow(context, release, deployment, following) {
    const groups = targetGroupsOf(following.service);
    return await watchRollout(context, deployment, {
        timeoutMs: following.timeoutMs,
        observer: {
            say: (line) => {
                release.say(line);
            },
            failing: async (state) => {
                await explainFailure(context, release, deployment, following.definition, state);
            },
            paused: (hookId, state) => decide(context, release, deployment, { hookId, state, following }),
            targets: async () => {
                if (groups.length === 0)
                    return undefined;
                const states = await targetStates(context, groups).catch((error) => {
                    context.signal.throwIfAborted();
                    groups.length = 0;
                    context.log.info(`The targets cannot be read, and are left out: ${(0,errors/* errorText */.kc)(error)}`);
                    return [];
                });
                return groups.length === 0 ? undefined : countTargets(states);
            },
        },
    });
}
/** Finds out why a deployment fails, for the log at once, and for the report. */
async function explainFailure(context, release, deployment, definition, state) {
    // What the smoke test found is the reason.
    if (release.report.smokeTest?.ok === false)
        return;
    const found = await diagnose(context, deployment, definition, state);
    if (!found)
        return;
    if (release.report.failure?.cause !== found.cause)
        release.say(`${found.cause}.`);
    for (const line of found.log?.lines ?? [])
        context.log.info(`  ${line}`);
    release.report.failure = richer(release.report.failure, found);
}
/** The first explanation stays, unless a later one knows more: a log that was not there yet. */
function richer(before, now) {
    if (!before || before.cause === now.cause || before.groups.length === 0)
        return now;
    return now.log && !before.log ? now : before;
}
/** Without a smoke test the hook waits for somebody else, or for its own time-out. */
async function decide(context, release, deployment, { hookId, state, following }) {
    const where = state.stage === undefined ? 'a PAUSE hook' : `the PAUSE hook at ${state.stage}`;
    if (!following.smokeTest) {
        const until = state.pause?.expiresAt ? `, until ${state.pause.expiresAt.toISOString()}` : '';
        release.say(`The deployment waits at ${where} for ContinueServiceDeployment${until}.`);
        return;
    }
    release.say(`The deployment waits at ${where}: the smoke test decides.`);
    const passed = await smokeTest(context, release, following.smokeTest, deployment, {
        [TEST_HEADER]: deployment.service,
    });
    const action = passed ? 'CONTINUE' : 'ROLLBACK';
    const command = new dist_cjs/* ContinueServiceDeploymentCommand */.LrH({
        serviceDeploymentArn: deployment.arn,
        hookId,
        action,
    });
    await (0,send/* send */.t)(await context.ecs(), command, context);
    release.say(passed ? 'ECS was told to continue.' : 'ECS was told to roll back.');
}
/** Runs the smoke test and reports it. A URL is asked with the headers. */
async function smokeTest(context, release, test, { cluster, service, taskDefinition }, headers = {}) {
    const variables = {
        SMOKE_TEST_CLUSTER: cluster,
        SMOKE_TEST_SERVICE: service,
        SMOKE_TEST_TASK_DEFINITION: revisionName(taskDefinition),
    };
    const result = await runSmokeTest(context, test, { variables, headers });
    release.report.smokeTest = result;
    release.say(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
    return result.ok;
}

;// CONCATENATED MODULE: ./build/src/release/service/undo.js











/** The runner kills a cancelled step 7.5 s after SIGINT: AWS must have been told before. */
const CANCEL_MS = 5000;
/** How long a rollback may take that nobody waits for by a limit of theirs. */
const ROLLBACK_MS = 15 * 60_000;
/**
 * Ends what a release has begun, as the request asks: a one-off task is stopped, a deployment rolled back, stopped or
 * kept. Never throws. A cancelled job tells AWS and does not wait; else the rollback is followed to its end.
 *
 * @returns what remains, for a person.
 */
async function undo(context, release, target, cause) {
    // The time of a whole environment is over, or its lock is lost: no call is possible by this signal either.
    const cancelled = cause instanceof runtime_errors/* CancelledError */.cc || context.signal.aborted;
    const signal = cancelled ? AbortSignal.timeout(CANCEL_MS) : context.signal;
    const inner = { ...context, signal };
    try {
        if (release.stage === 'record')
            return 'The service keeps the new revision.';
        const { preDeploy, update } = release.begun;
        if (preDeploy) {
            const stopped = await stopTasks(inner, preDeploy);
            const tasks = stopped.length === 0 ? 'Its task had not been started' : `Its task ${stopped.join(', ')} was stopped`;
            return `${tasks}. The service was not touched.`;
        }
        const begun = release.begun.deployment;
        // Until its service deployment is known, ECS is asked for it once more.
        const deployment = begun?.arn !== undefined || !update ? begun : await current(inner, target, update);
        if (!deployment)
            return update ? 'The deployment had not begun.' : untouched(release);
        return await end(inner, release, target, deployment, cancelled);
    }
    catch (error) {
        const { rollback } = release.report;
        if (rollback?.state === 'in progress' && context.signal.aborted) {
            return `The rollback to ${rollback.to} goes on at AWS.`;
        }
        return `What was begun could not be ended (${(0,errors/* errorText */.kc)(error)}): look at the service ${target.service}.`;
    }
}
function untouched({ stage, report }) {
    if (!['register', 'pre-deploy', 'update'].includes(stage))
        return 'Nothing was changed.';
    return `The service was not touched. ${report.taskDefinition ?? 'The revision'} is registered.`;
}
/** The deployment of our UpdateService, as the service shows it now; undefined when there is none of ours. */
async function current(context, target, update) {
    const service = await describeService(context, target);
    const found = deploymentOf(service, target, update);
    const arn = service.currentServiceDeployment;
    return found && { ...found, ...(arn !== undefined && { arn }) };
}
async function end(context, release, target, deployment, cancelled) {
    const name = revisionName(deployment.taskDefinition);
    const { onFailure } = target;
    if (onFailure === 'keep')
        return `The deployment of ${name} goes on at AWS, as on-failure asks.`;
    if (!cancelled && !release.report.failure) {
        const { definition } = await readTaskDefinition(context, deployment.taskDefinition);
        await explainFailure(context, release, deployment, definition);
    }
    if (onFailure === 'stop')
        return await abort(context, deployment, name);
    const started = await startRollback(context, deployment);
    const to = revisionName(deployment.previous);
    release.report.rollback = { to, state: 'in progress' };
    if (typeof started === 'string')
        return started;
    if (cancelled)
        return `ECS was told to roll back to ${to}, and goes on with it.`;
    return await followBack(context, release, started, to);
}
async function abort(context, deployment, name) {
    try {
        const told = await stopDeployment(context, deployment, 'ABORT');
        if (told === 'cannot')
            return `This endpoint cannot stop a deployment: that of ${name} goes on.`;
        return `The deployment of ${name} was stopped where it was: the service may run both revisions.`;
    }
    catch (error) {
        return await overAlready(context, deployment, error);
    }
}
/** Begins the way back; a text when there is none to follow. */
async function startRollback(context, deployment) {
    if (deployment.previous === deployment.taskDefinition) {
        return 'There is no revision before this one to go back to.';
    }
    const state = await readRollout(context, deployment).catch(() => undefined);
    if (state?.phase === 'rolling-back')
        return deployment;
    if (state && isEnd(state.phase) && state.phase !== 'complete' && state.phase !== 'failed') {
        return await overAlready(context, deployment, undefined);
    }
    if (state?.phase === 'complete' || state?.phase === 'failed' || deployment.arn === undefined) {
        return await sendBack(context, deployment);
    }
    try {
        await stopDeployment(context, deployment, 'ROLLBACK');
        return deployment;
    }
    catch (error) {
        if (!['validation', 'conflict', 'not-found'].includes((0,errors/* classify */.L8)(error)))
            throw error;
        // It ended meanwhile.
        const now = await readRollout(context, deployment);
        if (now.phase === 'complete')
            return await sendBack(context, deployment);
        return await overAlready(context, deployment, error);
    }
}
/** A new deployment, of what was there before. */
async function sendBack(context, deployment) {
    const { previous, taskDefinition } = deployment;
    const service = await updateService(context, deployment, { taskDefinition: previous });
    const back = deploymentOf(service, deployment, { taskDefinition: previous, previous: taskDefinition });
    if (!back)
        throw new Error(`the service did not take ${revisionName(previous)} back`);
    const arn = service.currentServiceDeployment;
    return { ...back, ...(arn !== undefined && arn !== deployment.arn && { arn }) };
}
async function overAlready(context, deployment, error) {
    const service = await describeService(context, deployment);
    const now = revisionName(primaryDeployment(service)?.taskDefinition ?? '');
    const why = error === undefined ? '' : ` (${(0,errors/* errorText */.kc)(error)})`;
    return `The deployment had ended already${why}: the service works towards ${now}.`;
}
/** Brings a service whose new revision is not wanted back to the one before, and follows that to its end. */
async function goBack(context, release, { onFailure }, deployment) {
    const name = revisionName(deployment.taskDefinition);
    if (onFailure !== 'rollback')
        return `The service keeps ${name}, as on-failure asks.`;
    const to = revisionName(deployment.previous);
    if (deployment.previous === deployment.taskDefinition)
        return `There is no revision before ${name} to go back to.`;
    release.say(`Rolling back to ${to}.`);
    release.report.rollback = { to, state: 'in progress' };
    return await followBack(context, release, await sendBack(context, deployment), to);
}
async function followBack(context, release, back, to) {
    const state = await watchRollout(context, back, {
        timeoutMs: ROLLBACK_MS,
        observer: {
            say: (line) => {
                release.say(line);
            },
            failing: () => Promise.resolve(),
            paused: () => Promise.resolve(),
            targets: () => Promise.resolve(undefined),
        },
    });
    const done = state.phase === 'complete' || state.phase === 'rolled-back';
    release.report.rollback = {
        to,
        state: done ? 'complete' : 'failed',
        ...(state.reason !== undefined && { reason: state.reason }),
    };
    return done
        ? `The service was rolled back to ${to}.`
        : `The rollback to ${to} failed: look at the service at once.`;
}

;// CONCATENATED MODULE: ./build/src/release/service/bounded.js





/** Does the work within its time. Whatever ends it early, what it has begun is undone as the request asks. */
async function bounded_bounded(context, release, target, work) {
    const { timeoutMs, service } = target;
    const limit = new AbortController();
    const timer = setTimeout(() => {
        limit.abort(new runtime_errors/* TimeoutError */.MU(`the release of ${service}`, timeoutMs));
    }, timeoutMs);
    const signal = AbortSignal.any([context.signal, limit.signal]);
    try {
        return await work({ ...context, signal });
    }
    catch (error) {
        clearTimeout(timer);
        const cause = signal.aborted ? signal.reason : error;
        const remains = await undo(context, release, target, cause);
        return release.end(verdictOf(cause), [bounded_said(release, cause), remains].filter(Boolean).join(' '));
    }
    finally {
        clearTimeout(timer);
    }
}
function verdictOf(error) {
    if (error instanceof runtime_errors/* CancelledError */.cc)
        return 'cancelled';
    return error instanceof runtime_errors/* TimeoutError */.MU ? 'timed-out' : 'failed';
}
function bounded_said({ report, stage }, error) {
    const text = sentence(messageOf(error, stage));
    const cause = report.failure?.cause;
    return error instanceof runtime_errors/* TimeoutError */.MU && cause !== undefined ? `${text} ${sentence(cause)}` : text;
}
function messageOf(error, stage) {
    if (error instanceof runtime_errors/* InputError */.dz || error instanceof ServiceError)
        return error.message;
    if (error instanceof runtime_errors/* CancelledError */.cc || error instanceof runtime_errors/* TimeoutError */.MU)
        return capital(error.message);
    if (error instanceof ProofError)
        return `The deployment is complete for ECS, and cannot be proven: ${error.message}`;
    if (stage === 'record')
        return `The revision serves, and the ledger could not be written: ${(0,errors/* errorText */.kc)(error)}`;
    if (error instanceof Error && error.name === 'Error')
        return capital(error.message);
    return (0,errors/* errorText */.kc)(error);
}
function sentence(text) {
    return /[.!?]$/.test(text) ? text : `${text}.`;
}
function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ssm/dist-cjs/index.js
var client_ssm_dist_cjs = __webpack_require__(4736);
;// CONCATENATED MODULE: ./build/src/ecs/preflight.js


/**
 * Memory in MiB that goes with each CPU on Fargate: lowest, highest, step.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
const FARGATE = {
    256: [
        [512, 512, 512],
        [1024, 2048, 1024],
    ],
    512: [[1024, 4096, 1024]],
    1024: [[2048, 8192, 1024]],
    2048: [[4096, 16384, 1024]],
    4096: [[8192, 30720, 1024]],
    8192: [[16384, 61440, 4096]],
    16384: [[32768, 122880, 8192]],
};
/** Whether this pair of CPU and memory exists on Fargate. */
function sizeFindings({ cpu, memory, requiresCompatibilities = [], }) {
    if (!requiresCompatibilities.includes('FARGATE'))
        return [];
    const ranges = FARGATE[cpu ?? ''];
    if (!ranges) {
        return [
            error(`Fargate has no tasks of CPU ${cpu ?? '(none)'}.`, `Take one of ${Object.keys(FARGATE).join(', ')}.`),
        ];
    }
    const mib = Number(memory);
    if (ranges.some(([low, high, step]) => mib >= low && mib <= high && (mib - low) % step === 0))
        return [];
    const allowed = ranges.map(([low, high, step]) => low === high ? `${low}` : `${low} to ${high} in steps of ${step}`);
    return [
        error(`Fargate has no tasks of CPU ${cpu ?? ''} with memory ${memory ?? '(none)'}.`, `Take memory ${allowed.join(', or ')}.`),
    ];
}
/** Containers that ask for more memory than their task has. */
function containerMemoryFindings({ memory, containerDefinitions }) {
    if (memory === undefined)
        return [];
    return containerDefinitions
        .filter((container) => (container.memory ?? 0) > Number(memory))
        .map((container) => error(`The container ${container.name} has a limit of ${container.memory ?? 0} MiB, and its task has ${memory}.`, "Give the task more memory (input memory), or lower the container's limit."));
}
/** The port that the service sends requests to must be a port of the container. */
function portFindings({ loadBalancers = [] }, definition) {
    return loadBalancers.flatMap(({ containerName = '', containerPort }) => {
        const container = definition.containerDefinitions.find(({ name }) => name === containerName);
        if (!container) {
            const names = definition.containerDefinitions.map(({ name }) => name).join(', ');
            return [
                error(`The load balancer sends requests to the container ${containerName}, and the task definition has ${names}.`, 'Keep the name of the container, or change the service first.'),
            ];
        }
        const ports = (container.portMappings ?? []).map((port) => port.containerPort);
        if (containerPort === undefined || ports.includes(containerPort))
            return [];
        return [
            error(`The load balancer sends requests to port ${containerPort} of the container ${containerName}, which opens ${ports.join(', ') || 'none'}.`, `Add containerPort ${containerPort} to its portMappings, or change the service and its target group first.`),
        ];
    });
}
/** Log groups that no task could write to. */
async function logGroupFindings(context, { containerDefinitions }) {
    const groups = containerDefinitions.flatMap(({ logConfiguration }) => {
        const { 'awslogs-group': group, 'awslogs-create-group': creates, 'awslogs-region': region, } = logConfiguration?.options ?? {};
        const own = region === undefined || region === context.region;
        return logConfiguration?.logDriver === 'awslogs' && creates !== 'true' && own ? (group ?? []) : [];
    });
    const client = await context.logs();
    const findings = await Promise.all([...new Set(groups)].map(async (group) => {
        const command = new client_cloudwatch_logs_dist_cjs/* DescribeLogGroupsCommand */.VlF({ logGroupNamePrefix: group, limit: 50 });
        const { logGroups = [] } = await (0,send/* send */.t)(client, command, context);
        if (logGroups.some(({ logGroupName }) => logGroupName === group))
            return [];
        return [
            error(`The log group ${group} does not exist.`, 'Create it, or correct awslogs-group in the task definition.'),
        ];
    }));
    return findings.flat();
}
/** Roles of another account than the cluster's, which ECS can never assume. */
function roleFindings({ serviceArn = '' }, definition) {
    const account = serviceArn.split(':')[4] ?? '';
    return ['executionRoleArn', 'taskRoleArn'].flatMap((field) => {
        const role = definition[field];
        const other = /^arn:[^:]+:iam::(\d{12}):/.exec(role ?? '')?.[1];
        if (role === undefined || other === undefined || other === account)
            return [];
        return [
            error(`The ${field} ${role} is a role of another account than the service.`, 'Name a role of the same account.'),
        ];
    });
}
/** What a finding that stops the deployment is. */
function error(message, fix) {
    return { level: 'error', message, fix };
}

// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ecr/dist-cjs/index.js
var client_ecr_dist_cjs = __webpack_require__(8249);
;// CONCATENATED MODULE: ./build/src/release/service/images.js



/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
const ECR = /^(?<account>\d{12})\.(?:dkr\.ecr(?:-fips)?|dkr-ecr(?:-fips)?)\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\/(?<repository>[^:@]+)(?::(?<tag>[^@]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;
const MANIFESTS = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
];
/** The parts of an ECR image's name; undefined for another registry's. */
function ecrImage(image) {
    const found = ECR.exec(image)?.groups;
    if (!found)
        return undefined;
    const { account = '', region = '', repository = '', tag, digest } = found;
    return {
        account,
        region,
        repository,
        ...(tag !== undefined && { tag }),
        ...(digest !== undefined && { digest }),
    };
}
/**
 * Names images of ECR that are given by tag by their digest, so that all tasks run the same, also those that are
 * started later. What cannot be resolved stays as it is: the checks that follow say why.
 */
async function pinImages(context, definition) {
    const containerDefinitions = await Promise.all(definition.containerDefinitions.map(async (container) => {
        const named = ecrImage(container.image);
        if (!named || named.digest !== undefined || named.region !== context.region)
            return container;
        const digest = (await readImage(context, named).catch(() => undefined))?.imageId?.imageDigest;
        if (digest === undefined)
            return container;
        return { ...container, image: `${container.image.replace(/:[^:/]+$/, '')}@${digest}` };
    }));
    return { ...definition, containerDefinitions };
}
/** Images that are not in ECR, or not for the CPU of the task. One that may not be looked at is let pass, and told. */
async function imageFindings(context, { containerDefinitions, runtimePlatform }) {
    const architecture = runtimePlatform?.cpuArchitecture === 'ARM64' ? 'arm64' : 'amd64';
    const images = [...new Set(containerDefinitions.map(({ image }) => image))];
    const findings = await Promise.all(images.map(async (image) => {
        const named = ecrImage(image);
        if (!named || named.region !== context.region)
            return [];
        try {
            const found = await readImage(context, named);
            if (!found)
                return [missing(image)];
            return platformFindings(image, found, architecture);
        }
        catch (error) {
            context.signal.throwIfAborted();
            if ((0,errors/* classify */.L8)(error) === 'not-found')
                return [missing(image)];
            const message = `Whether the image ${image} exists cannot be checked: ${(0,errors/* errorText */.kc)(error)}.`;
            return [
                {
                    level: 'warning',
                    message,
                    fix: 'Allow ecr:BatchGetImage on its repository to the role of the job.',
                },
            ];
        }
    }));
    return findings.flat();
}
/** Whether a digest is one of the manifests in an image's index: a task may tell that of its own platform. */
async function isPartOf(context, image, digest) {
    const named = ecrImage(image);
    if (!named)
        return false;
    const found = await readImage(context, named);
    return manifestsOf(found).some((manifest) => manifest.digest === digest);
}
async function readImage(context, named) {
    const { account, repository, tag, digest } = named;
    const imageId = digest === undefined ? { imageTag: tag ?? 'latest' } : { imageDigest: digest };
    const command = new client_ecr_dist_cjs/* BatchGetImageCommand */.P8n({
        registryId: account,
        repositoryName: repository,
        imageIds: [imageId],
        acceptedMediaTypes: MANIFESTS,
    });
    const { images = [] } = await (0,send/* send */.t)(await context.ecr(), command, context);
    return images[0];
}
function manifestsOf(image) {
    const { manifests = [] } = JSON.parse(image?.imageManifest ?? '{}');
    return manifests;
}
function platformFindings(image, found, architecture) {
    const platforms = manifestsOf(found).flatMap(({ platform }) => platform?.architecture ?? []);
    const known = platforms.filter((one) => one !== 'unknown');
    if (known.length === 0 || known.includes(architecture))
        return [];
    return [
        {
            level: 'error',
            message: `The image ${image} is built for ${known.join(', ')}, and the tasks run on ${architecture}.`,
            fix: `Build it for linux/${architecture} too (build-push-image: platforms), or set runtimePlatform.cpuArchitecture.`,
        },
    ];
}
function missing(image) {
    return {
        level: 'error',
        message: `The image ${image} is not in ECR.`,
        fix: 'Push it first, and check repository, digest or tag, account and region in its name.',
    };
}

;// CONCATENATED MODULE: ./build/src/release/service/checks.js





/**
 * What would make the deployment fail, found before anything is changed. A check that the role has no rights for is
 * a warning: a deployment must not fail for want of a right to look.
 */
async function preflight(context, service, definition) {
    const checked = (what, check) => check().catch((error) => {
        context.signal.throwIfAborted();
        const message = `${what} cannot be checked: ${(0,errors/* errorText */.kc)(error)}.`;
        return [
            {
                level: 'warning',
                message,
                fix: "Allow it to the role of the job: the action's page has the list.",
            },
        ];
    });
    const known = [
        ...sizeFindings(definition),
        ...containerMemoryFindings(definition),
        ...portFindings(service, definition),
        ...roleFindings(service, definition),
    ];
    const found = await Promise.all([
        checked('The images', () => imageFindings(context, definition)),
        checked('The log groups', () => logGroupFindings(context, definition)),
        checked('The parameters', () => parameterFindings(context, definition)),
    ]);
    return [...known, ...found.flat()];
}
/** SSM parameters that containers take values from and that do not exist. Their values are not asked for. */
async function parameterFindings(context, { containerDefinitions }) {
    const names = new Map(containerDefinitions
        .flatMap(({ secrets = [] }) => secrets)
        .flatMap(({ name, valueFrom }) => {
        const parameter = parameterName(valueFrom, context.region);
        return parameter === undefined ? [] : [[parameter, name]];
    }));
    const findings = [];
    const all = [...names.keys()];
    for (let from = 0; from < all.length; from += 10) {
        const command = new client_ssm_dist_cjs/* GetParametersCommand */.AFe({ Names: all.slice(from, from + 10), WithDecryption: false });
        const { InvalidParameters = [] } = await (0,send/* send */.t)(await context.ssm(), command, context);
        for (const parameter of InvalidParameters) {
            findings.push({
                level: 'error',
                message: `The parameter ${parameter}, which ${names.get(parameter) ?? 'a variable'} takes its value from, does not exist.`,
                fix: 'Create it, or correct valueFrom in the task definition.',
            });
        }
    }
    return findings;
}
/** A name, or the ARN of a parameter in this region; a secret of Secrets Manager is something else. */
function parameterName(valueFrom, region) {
    if (!valueFrom.startsWith('arn:'))
        return valueFrom;
    const [, , service, where, , ...rest] = valueFrom.split(':');
    if (service !== 'ssm' || where !== region)
        return undefined;
    const path = rest.join(':').replace(/^parameter\//, '');
    return path.includes('/') ? `/${path}` : path;
}

;// CONCATENATED MODULE: ./build/src/release/service/ends.js



/** What the end of a deployment means; undefined when it is complete. */
async function endOf(context, release, target, { deployment, state, definition }) {
    const { report } = release;
    const said = state.reason === undefined ? '' : ` ECS says: ${ends_sentence(state.reason)}`;
    const other = state.other === undefined ? '' : revisionName(state.other);
    switch (state.phase) {
        case 'complete':
            return undefined;
        case 'rolled-back': {
            const to = other || revisionName(deployment.previous);
            release.report.rollback = {
                to,
                state: 'complete',
                ...(state.reason !== undefined && { reason: state.reason }),
            };
            const back = `The service was rolled back to ${to}.`;
            return ends_end(release, 'rolled-back', `${why(release)} ${back}${said}`);
        }
        case 'rollback-failed':
            report.rollback = { to: other || revisionName(deployment.previous), state: 'failed' };
            return ends_end(release, 'failed', `${why(release)} The rollback failed too: look at the service at once.${said}`);
        case 'failed': {
            if (!report.failure)
                await explainFailure(context, release, deployment, definition);
            const back = await goBack(context, release, target, deployment);
            const verdict = report.rollback?.state === 'complete' ? 'rolled-back' : 'failed';
            return ends_end(release, verdict, `${why(release)} ${back}${said}`);
        }
        case 'superseded':
            return release.end('superseded', `Another deployment, of ${other || 'another revision'}, took the place of this one before it was complete.`);
        default:
            return release.end('stopped', `The deployment was stopped before it was complete: the service may run both revisions.${said}`);
    }
}
/** A rollback that the smoke test asked for has a verdict of its own. */
function ends_end(release, verdict, reason) {
    const asked = release.report.smokeTest?.ok === false && verdict === 'rolled-back';
    return release.end(asked ? 'smoke-test-failed' : verdict, reason);
}
function why({ report }) {
    if (report.smokeTest?.ok === false)
        return ends_sentence(`The smoke test failed: ${report.smokeTest.detail}`);
    return report.failure ? ends_sentence(report.failure.cause) : 'The deployment failed.';
}
function ends_sentence(text) {
    return /[.!?]$/.test(text) ? text : `${text}.`;
}

;// CONCATENATED MODULE: ./build/src/ecs/task-definition-changes.js

/** A task definition with the changes that were asked for; the given one stays as it is. Throws InputError. */
function applyChanges(before, changes, facts) {
    const after = structuredClone(before);
    for (const [name, image] of Object.entries(changes.images))
        containerNamed(after, name).image = image;
    const { image, environment, secrets, environmentMode: mode } = changes;
    if (image !== undefined)
        mainContainer(after, facts, 'image').image = image;
    if (Object.keys(environment).length > 0) {
        const container = mainContainer(after, facts, 'environment');
        container.environment = merged(container.environment, environment, mode, (name, value) => ({
            name,
            value,
        }));
        dropNamed(container, 'secrets', environment);
    }
    if (Object.keys(secrets).length > 0) {
        const container = mainContainer(after, facts, 'secrets');
        container.secrets = merged(container.secrets, secrets, mode, (name, valueFrom) => ({ name, valueFrom }));
        dropNamed(container, 'environment', secrets);
    }
    if (changes.cpu !== undefined)
        after.cpu = changes.cpu;
    if (changes.memory !== undefined)
        resize(after, changes.memory);
    return after;
}
/**
 * The container that is meant when none is named: the only one, the one with the service's name, the one behind
 * the load balancer, or the only essential one. Throws InputError when that leaves a choice.
 */
function mainContainer({ containerDefinitions: all }, { service, loadBalanced }, input) {
    const essential = all.filter((one) => one.essential !== false);
    const found = (all.length === 1 ? all[0] : undefined) ??
        all.find(({ name }) => name === service) ??
        all.find(({ name }) => name === loadBalanced) ??
        (essential.length === 1 ? essential[0] : undefined);
    if (found)
        return found;
    const hint = input === 'image' ? ': name one with images' : ', and none of them has the name of the service';
    const names = all.map(({ name }) => name).join(', ');
    throw new runtime_errors/* InputError */.dz(input, '', `the task definition has the containers ${names}${hint}`);
}
function containerNamed({ containerDefinitions: all }, name) {
    const found = all.find((one) => one.name === name);
    if (found)
        return found;
    const names = all.map((one) => one.name).join(', ');
    throw new runtime_errors/* InputError */.dz('images', name, `the task definition has the containers ${names}`);
}
/** The entries in their order, changed ones in place, new ones behind. An empty value is a value. */
function merged(before = [], given, mode, entry) {
    const changed = before
        .filter(({ name }) => mode === 'merge' || Object.hasOwn(given, name))
        .map((one) => (Object.hasOwn(given, one.name) ? entry(one.name, given[one.name] ?? '') : one));
    const known = new Set(changed.map(({ name }) => name));
    const added = Object.entries(given)
        .filter(([name]) => !known.has(name))
        .map(([name, value]) => entry(name, value));
    return [...changed, ...added];
}
/** ECS refuses a name that is both a variable and a secret. */
function dropNamed(container, field, given) {
    if (field === 'secrets')
        container.secrets = container.secrets?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
    else
        container.environment = container.environment?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
}
/** A container whose limit was the whole task's keeps all of it. */
function resize(definition, memory) {
    for (const container of definition.containerDefinitions) {
        if (container.memory !== undefined && String(container.memory) === definition.memory) {
            container.memory = Number(memory);
        }
    }
    definition.memory = memory;
}

;// CONCATENATED MODULE: ./build/src/release/service/pre-deploy.js





/** How many of its last lines the report has. */
const SHOWN_LINES = 25;
/** Runs the command before the deployment. Gives why the service must not be touched; undefined when all is well. */
async function preDeploy(context, release, service, run) {
    const { report } = release;
    const { cluster } = report;
    const { command, definition } = run;
    const startedAt = context.clock.now();
    const loadBalanced = loadBalancedContainer(service);
    const facts = { service: report.service, ...(loadBalanced !== undefined && { loadBalanced }) };
    const container = mainContainer(definition, facts, 'pre-deploy').name;
    const lines = [];
    const startedBy = `update-service/${(0,external_node_crypto_.randomUUID)()}`;
    release.begun.preDeploy = { cluster, startedBy };
    const told = { command: command.join(' '), log: lines, durationMs: 0 };
    report.preDeploy = told;
    release.say(`Running ${told.command} as a task of its own.`);
    try {
        const end = await runOneOffTask(context, service, {
            ...run,
            cluster,
            container,
            startedBy,
            line: (text) => {
                context.log.info(`  ${text}`);
                lines.push(text);
                if (lines.length > SHOWN_LINES)
                    lines.shift();
            },
        });
        delete release.begun.preDeploy;
        const durationMs = context.clock.now() - startedAt;
        const { exitCode } = end;
        report.preDeploy = { ...told, durationMs, ...(exitCode !== undefined && { exitCode }) };
        if (exitCode === 0) {
            release.say(`${told.command} succeeded.`);
            return undefined;
        }
        return failed(release, end, { definition, container, lines });
    }
    catch (error) {
        if (!(error instanceof NotPlacedError))
            throw error;
        delete release.begun.preDeploy;
        return error.message;
    }
}
function failed(release, { task, exitCode }, { definition, container, lines, }) {
    const { stopCode, stoppedReason, pullMs, id } = task;
    const ended = exitCode === undefined ? {} : { exitCode };
    const subject = { ...(task.container?.name === container && task.container), name: container, ...ended };
    const { cause, fix } = explain({
        stopCode,
        stoppedReason,
        container: subject,
        target: '',
        log: lines.join('\n'),
        architecture: definition.runtimePlatform?.cpuArchitecture ?? 'X86_64',
        memory: definition.memory ?? '',
        port: undefined,
        healthCheckPath: '',
    });
    const group = {
        cause,
        count: 1,
        task: id,
        container,
        ...ended,
        ...(stopCode !== '' && { stopCode }),
        ...(stoppedReason !== '' && { stoppedReason }),
        ...(pullMs !== undefined && { pullMs }),
    };
    release.report.failure = {
        cause,
        fix,
        groups: [group],
        ...(lines.length > 0 && { log: { stream: id, lines } }),
    };
    return cause;
}

;// CONCATENATED MODULE: ./build/src/ecs/revisions.js


/** All active revisions of a family, the newest first. */
async function revisionsOf(context, family) {
    const client = await context.ecs();
    const arns = [];
    let nextToken;
    do {
        const command = new dist_cjs/* ListTaskDefinitionsCommand */.Pse({
            familyPrefix: family,
            status: 'ACTIVE',
            sort: 'DESC',
            nextToken,
        });
        const page = await (0,send/* send */.t)(client, command, context);
        arns.push(...(page.taskDefinitionArns ?? []));
        nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== '');
    // The prefix matches longer families too.
    return arns
        .filter((arn) => arn.includes(`/${family}:`))
        .toSorted((a, b) => revisionNumber(b) - revisionNumber(a));
}
/**
 * Deregisters all but the newest revisions of a family. One that is in use is kept, whatever its age.
 *
 * @returns the ARNs that were deregistered.
 */
async function pruneRevisions(context, family, { keep, inUse }) {
    const revisions = await revisionsOf(context, family);
    const old = revisions.slice(keep).filter((arn) => !inUse.has(arn));
    const client = await context.ecs();
    for (const arn of old) {
        await (0,send/* send */.t)(client, new dist_cjs/* DeregisterTaskDefinitionCommand */.sjB({ taskDefinition: arn }), context);
    }
    return old;
}
function revisionNumber(arn) {
    return Number(arn.slice(arn.lastIndexOf(':') + 1));
}

// EXTERNAL MODULE: ./build/src/release/ledger-names.js
var ledger_names = __webpack_require__(7879);
;// CONCATENATED MODULE: ./build/src/release/ledger.js




/** GetParameters takes so many names. */
const NAMES_AT_ONCE = 10;
/** SSM keeps a hundred versions of a parameter, and gives fifty at once. */
const HISTORY_PAGE = 50;
/** What the environment has now; undefined when nothing was ever released. */
async function readRelease(context, names) {
    return (await readReleases(context, [names]))[0];
}
/** What the environment has now of several services, in their order. */
async function readReleases(context, all) {
    const client = await context.ssm();
    const names = all.flatMap(({ image, release }) => [image, release]);
    const values = new Map();
    const pages = Array.from({ length: Math.ceil(names.length / NAMES_AT_ONCE) }, (_, page) => names.slice(page * NAMES_AT_ONCE, (page + 1) * NAMES_AT_ONCE));
    await Promise.all(pages.map(async (Names) => {
        const { Parameters = [] } = await (0,send/* send */.t)(client, new client_ssm_dist_cjs/* GetParametersCommand */.AFe({ Names }), context);
        for (const { Name = '', Value = '' } of Parameters)
            values.set(Name, Value);
    }));
    return all.map((of) => releaseIn(values, of));
}
function releaseIn(values, names) {
    const image = values.get(names.image);
    if (image === undefined)
        return undefined;
    const release = parseRelease(values.get(names.release) ?? '');
    // A run that ended between the two writes has left a record of another image: then only the image is known.
    return release?.image === image ? release : unknownRelease(image);
}
/**
 * Writes a release, the image first. An image that is there already is not written again, so a job that is run
 * again leaves one version.
 */
async function recordRelease(context, names, release) {
    const client = await context.ssm();
    const put = async (name, value) => {
        await (0,send/* send */.t)(client, new client_ssm_dist_cjs/* PutParameterCommand */.ihh({ Name: name, Value: value, Type: 'String', Overwrite: true }), context);
    };
    const known = await readRelease(context, names);
    if (known?.image !== release.image)
        await put(names.image, release.image);
    await put(names.release, JSON.stringify(release));
}
/**
 * The releases of an environment, the newest first: the first is what it has now, the others are what it can be
 * rolled back to. The same image twice in a row counts once.
 */
async function releaseHistory(context, names) {
    const [images, records] = await Promise.all([
        valuesOf(context, names.image),
        valuesOf(context, names.release),
    ]);
    const releases = records.flatMap((value) => parseRelease(value) ?? []);
    const distinct = images.filter((image, index) => image !== images[index - 1]);
    return distinct.map((image) => {
        const at = releases.findIndex((release) => release.image === image);
        // An older release of the same image belongs to an older row.
        const [found] = at < 0 ? [] : releases.splice(0, at + 1).slice(at);
        return found ?? unknownRelease(image);
    });
}
/** All values that a parameter had, the newest first; none when there is no such parameter. */
async function valuesOf(context, name) {
    const client = await context.ssm();
    const versions = [];
    let token;
    do {
        const command = new client_ssm_dist_cjs/* GetParameterHistoryCommand */.JFb({
            Name: name,
            MaxResults: HISTORY_PAGE,
            NextToken: token,
        });
        const page = await (0,send/* send */.t)(client, command, context).catch((error) => {
            if ((0,errors/* isNotFound */.c4)(error))
                return undefined;
            throw error;
        });
        for (const { Version = 0, Value = '' } of page?.Parameters ?? []) {
            versions.push({ version: Version, value: Value });
        }
        token = page?.NextToken;
    } while (token !== undefined && token !== '');
    return versions.toSorted((a, b) => b.version - a.version).map(({ value }) => value);
}
function unknownRelease(image) {
    return { image, commit: '', run: '', actor: '', at: '', from: '' };
}
/** Undefined for a text that no release was written as. */
function parseRelease(text) {
    let value;
    try {
        value = JSON.parse(text);
    }
    catch {
        return undefined;
    }
    if (typeof value !== 'object' || value === null)
        return undefined;
    const fields = value;
    const textOf = (key) => (typeof fields[key] === 'string' ? fields[key] : '');
    const image = textOf('image');
    if (image === '')
        return undefined;
    return {
        image,
        commit: textOf('commit'),
        run: textOf('run'),
        actor: textOf('actor'),
        at: textOf('at'),
        from: textOf('from'),
        ...(textOf('bypass') !== '' && { bypass: textOf('bypass') }),
    };
}

;// CONCATENATED MODULE: ./build/src/release/service/record.js







/** Writes a release that is good to the ledger, and deregisters old revisions. */
async function record(context, release, request, good) {
    if (request.ledger) {
        const image = await imageOf(context, request, good);
        const at = new Date(context.clock.now()).toISOString();
        await recordRelease(context, request.ledger, { image, ...request.origin, at });
        release.say(`The ledger ${request.ledger.image} has ${image}.`);
    }
    if (request.keepRevisions === undefined)
        return;
    try {
        await prune(context, release, request, request.keepRevisions, good);
    }
    catch (error) {
        context.signal.throwIfAborted();
        release.note(`Old revisions could not be deregistered: ${(0,errors/* errorText */.kc)(error)}`);
    }
}
/** The main container's image, by digest. */
async function imageOf(context, target, { definition, digests }) {
    const loadBalanced = loadBalancedContainer(await describeService(context, target));
    const facts = { service: target.service, ...(loadBalanced !== undefined && { loadBalanced }) };
    const { name, image } = mainContainer(definition, facts, 'image');
    if (digestIn(image) !== undefined)
        return image;
    const digest = digests[name];
    if (digest === undefined)
        throw new Error(`the image ${image} has no digest that the ledger could keep`);
    return `${image.replace(/:[^:/]+$/, '')}@${digest}`;
}
async function prune(context, release, target, keep, { taskDefinition }) {
    const { deployments = [] } = await describeService(context, target);
    const inUse = new Set([taskDefinition, ...deployments.map((one) => one.taskDefinition ?? '')]);
    const gone = await pruneRevisions(context, familyOf(taskDefinition), { keep, inUse });
    if (gone.length > 0)
        release.note(`${gone.length} old revisions were deregistered.`);
}

;// CONCATENATED MODULE: ./build/src/release/service/release.js
/** One release under way: enough to tell, wherever it ends, what was done and what was not. */
class Release {
    stage = 'check';
    report;
    begun = {};
    #context;
    #startedAt;
    constructor(context, { cluster, service }) {
        this.#context = context;
        this.#startedAt = context.clock.now();
        this.report = {
            cluster,
            service,
            region: context.region,
            digests: {},
            changes: [],
            findings: [],
            timeline: [],
            durationMs: 0,
            notes: [],
        };
    }
    /** Something that happened: in the log now, and in the timeline. */
    say(text) {
        this.#context.log.info(text);
        this.report.timeline.push({ at: this.#context.clock.now(), text });
    }
    /** Something worth knowing: in the log now, and in the summary. */
    note(text) {
        this.#context.log.info(text);
        this.report.notes.push(text);
    }
    /** How it ended. */
    end(verdict, reason) {
        this.report.durationMs = this.#context.clock.now() - this.#startedAt;
        const told = { ...this.report, reason };
        return verdict === 'deployed' || verdict === 'unchanged'
            ? { ...told, verdict, ok: true }
            : { ...told, verdict, ok: false };
    }
}

;// CONCATENATED MODULE: ./build/src/ecs/task-definition-diff.js
/** Values of variables with such a name are shown to nobody. */
const SECRET_NAME = /(?:^|[_-])(?:secret|password|passwd|passphrase|pwd|token|credentials?|api_?key|private_?key|secret_?key|access_?key)$/i;
const HIDDEN = '***';
/** What changes between two task definitions, by path, in a stable order; nothing when they mean the same. */
function taskDefinitionDiff(before, after) {
    const old = flatten(before);
    const now = flatten(after);
    const paths = [...new Set([...old.keys(), ...now.keys()])].sort();
    return paths
        .filter((path) => old.get(path) !== now.get(path))
        .map((path) => ({
        path,
        ...(old.has(path) && { before: shown(path, old.get(path) ?? '') }),
        ...(now.has(path) && { after: shown(path, now.get(path) ?? '') }),
    }));
}
/** The values of variables whose name says that they are secret, so that a log can hide them. */
function secretValues({ containerDefinitions }) {
    return containerDefinitions.flatMap(({ environment = [] }) => environment.filter(({ name }) => SECRET_NAME.test(name)).map(({ value }) => value));
}
function shown(path, value) {
    const variable = /\.environment\.(.+)$/.exec(path)?.[1];
    return variable !== undefined && SECRET_NAME.test(variable) ? HIDDEN : value;
}
/** Every value by its path. What ECS fills in by itself is left out, so that a file equals what it became. */
function flatten({ containerDefinitions, ...rest }) {
    const values = new Map();
    for (const [key, value] of Object.entries(rest))
        walk(values, key, value);
    for (const container of containerDefinitions) {
        const { name, environment = [], secrets = [], portMappings = [], ...fields } = container;
        for (const variable of environment)
            values.set(`${name}.environment.${variable.name}`, variable.value);
        for (const secret of secrets)
            values.set(`${name}.secrets.${secret.name}`, secret.valueFrom);
        for (const [index, port] of portMappings.entries()) {
            walk(values, `${name}.portMappings[${index}]`, withoutPortDefaults(port));
        }
        for (const [key, value] of Object.entries(fields)) {
            if (!isContainerDefault(key, value))
                walk(values, `${name}.${key}`, value);
        }
    }
    return values;
}
function walk(values, path, value) {
    if (value === null || value === undefined)
        return;
    if (Array.isArray(value)) {
        const named = value.every((item) => keyOf(item) !== undefined);
        for (const [index, item] of value.entries()) {
            walk(values, named ? `${path}.${keyOf(item) ?? ''}` : `${path}[${index}]`, item);
        }
    }
    else if (typeof value === 'object') {
        for (const [key, item] of Object.entries(value))
            walk(values, `${path}.${key}`, item);
    }
    else {
        values.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    }
}
/** Items that have a name, or a key, are known by it: their order means nothing. */
function keyOf(item) {
    if (typeof item !== 'object' || item === null)
        return undefined;
    const { name, key } = item;
    return typeof name === 'string' ? name : typeof key === 'string' ? key : undefined;
}
/** @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html */
function isContainerDefault(key, value) {
    return (key === 'cpu' && value === 0) || (key === 'essential' && value === true);
}
function withoutPortDefaults(port) {
    const { hostPort, protocol, ...rest } = port;
    return {
        ...rest,
        ...(hostPort !== undefined && hostPort !== 0 && hostPort !== port.containerPort && { hostPort }),
        ...(protocol !== undefined && protocol !== 'tcp' && { protocol }),
    };
}

// EXTERNAL MODULE: external "node:fs/promises"
var promises_ = __webpack_require__(1455);
// EXTERNAL MODULE: ./node_modules/yaml/dist/index.js
var dist = __webpack_require__(8815);
;// CONCATENATED MODULE: ./build/src/ecs/task-definition-file.js




const INPUT = 'task-definition';
/**
 * Reads a task definition from a JSON or YAML file: what RegisterTaskDefinition takes, or the answer of
 * DescribeTaskDefinition. Throws InputError.
 */
async function readTaskDefinitionFile(path) {
    const text = await (0,promises_.readFile)(path, 'utf8').catch(() => undefined);
    if (text === undefined)
        throw new runtime_errors/* InputError */.dz(INPUT, path, 'there is no such file');
    const value = parseText(path, text);
    const found = isObject(value['taskDefinition']) ? value['taskDefinition'] : value;
    if ('Properties' in found || 'ContainerDefinitions' in found) {
        throw new runtime_errors/* InputError */.dz(INPUT, path, "expected the fields of ECS's API (containerDefinitions), not a template's");
    }
    const { family, containerDefinitions: containers } = found;
    if (typeof family !== 'string' || family === '') {
        throw new runtime_errors/* InputError */.dz(INPUT, path, 'the field family is missing');
    }
    const named = (one) => isObject(one) && typeof one['name'] === 'string' && typeof one['image'] === 'string';
    if (!Array.isArray(containers) || containers.length === 0 || !containers.every(named)) {
        throw new runtime_errors/* InputError */.dz(INPUT, path, 'containerDefinitions needs at least one container, each with name and image');
    }
    return registrable(found);
}
/** JSON is YAML. A number of YAML stays a number, as in JSON. */
function parseText(path, text) {
    let value;
    try {
        value = (0,dist/* parse */.qg)(text, { prettyErrors: false, maxAliasCount: 100 });
    }
    catch {
        throw new runtime_errors/* InputError */.dz(INPUT, path, 'it is neither JSON nor YAML');
    }
    if (isObject(value))
        return value;
    throw new runtime_errors/* InputError */.dz(INPUT, path, 'expected an object');
}
function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

;// CONCATENATED MODULE: ./build/src/release/service/target.js








/**
 * What the request comes to for this service, and how that differs from what it has. Nothing is registered.
 *
 * @throws InputError; an error when a revision does not exist.
 */
async function target_targetOf(context, service, { source, changes }) {
    const previous = await readTaskDefinition(context, service.taskDefinition ?? '');
    hide(context, previous.definition);
    if (source.kind === 'revision')
        return await existing(context, source.revision, previous);
    const base = source.kind === 'file' ? await readTaskDefinitionFile(source.path) : previous.definition;
    hide(context, base);
    const loadBalanced = loadBalancedContainer(service);
    const facts = { service: service.serviceName ?? '', ...(loadBalanced !== undefined && { loadBalanced }) };
    const definition = await pinImages(context, applyChanges(base, changes, facts));
    hide(context, definition);
    const diff = taskDefinitionDiff(previous.definition, definition);
    return { definition, previous, changes: diff, ...(diff.length === 0 && { arn: previous.arn }) };
}
async function existing(context, revision, previous) {
    const found = await readTaskDefinition(context, revision);
    if (!found.active) {
        const allowed = 'this revision was deregistered, and ECS starts no deployment of it';
        throw new runtime_errors/* InputError */.dz('task-definition-arn', revisionName(found.arn), allowed);
    }
    hide(context, found.definition);
    const changes = taskDefinitionDiff(previous.definition, found.definition);
    return { definition: found.definition, arn: found.arn, previous, changes };
}
/** What looks like a secret in a task definition is in no log, whoever writes it. */
function hide({ log }, definition) {
    for (const value of secretValues(definition))
        log.secret(value);
}

;// CONCATENATED MODULE: ./build/src/release/service/release-service.js















/** Releases one service: checks, pre-deploy, rollout, smoke test, rollback, ledger. Never throws: the report tells. */
async function releaseService(context, request) {
    const release = new Release(context, request);
    return await bounded_bounded(context, release, request, (inner) => run(inner, release, request));
}
async function run(context, release, request) {
    const service = await describeService(context, request);
    requireEcsController(service);
    const target = await target_targetOf(context, service, request);
    tellTarget(release, service, target);
    release.report.findings = await preflight(context, service, target.definition);
    const wrong = release.report.findings.filter(({ level }) => level === 'error');
    if (wrong.length > 0) {
        const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
        return release.end('failed', `${wrong[0]?.message ?? ''} ${wrong[0]?.fix ?? ''}${more} Nothing was changed.`);
    }
    const { desiredCount } = request;
    const resized = desiredCount !== undefined && desiredCount !== service.desiredCount;
    if (target.arn === service.taskDefinition && !resized)
        return await standing(context, release, request, service, target);
    const arn = await register(context, release, target);
    if (request.preDeploy) {
        release.stage = 'pre-deploy';
        const options = {
            command: request.preDeploy,
            taskDefinition: arn,
            definition: target.definition,
            timeoutMs: request.timeoutMs,
        };
        const why = await preDeploy(context, release, service, options);
        if (why !== undefined)
            return release.end('pre-deploy-failed', `${why}. The service was not touched.`);
    }
    const deployment = await update(context, release, request, service, arn);
    if (!deployment)
        return release.end('superseded', `${await whoElse(context, request)} before this one began.`);
    if (!request.wait) {
        return release.end('deployed', `${revisionName(arn)} is being deployed, and nothing is proven: wait is false.`);
    }
    return await finish(context, release, request, {
        service,
        deployment,
        definition: target.definition,
        verdict: 'deployed',
    });
}
/** The service has this task definition: proven as it stands, or followed until it does. */
async function standing(context, release, request, service, { definition, previous }) {
    const change = { taskDefinition: previous.arn, previous: previousOf(service, previous.arn) };
    const deployment = deploymentOf(service, request, change);
    if (!deployment)
        return release.end('failed', 'The service has no primary deployment. Nothing was changed.');
    if (isSteady(service)) {
        const steady = { service, deployment, definition, verdict: 'unchanged' };
        return await settle(context, release, request, steady);
    }
    release.say(`${revisionName(previous.arn)} is being deployed already: following that.`);
    release.begun.deployment = deployment;
    await identify(context, release, service, deployment);
    return await finish(context, release, request, { service, deployment, definition, verdict: 'deployed' });
}
/** Follows the deployment, then proves, tests and records it. */
async function finish(context, release, request, work) {
    const { service, deployment, definition } = work;
    release.stage = 'rollout';
    const { smokeTest: test, timeoutMs } = request;
    const state = await follow(context, release, deployment, {
        service,
        definition,
        timeoutMs,
        ...(test && { smokeTest: test }),
    });
    const ended = await endOf(context, release, request, { deployment, state, definition });
    return ended ?? (await settle(context, release, request, work));
}
/** The deployment is complete: that is proven by the tasks, tested, and written to the ledger. */
async function settle(context, release, request, { deployment, definition, verdict }) {
    release.stage = 'prove';
    const { taskDefinition } = deployment;
    const sameImage = (image, digest) => isPartOf(context, image, digest);
    const proof = await proveRunning(context, { ...request, taskDefinition, definition, sameImage });
    release.report.digests = proof.digests;
    const name = revisionName(taskDefinition);
    const serves = proof.tasks === 0
        ? `${name} is deployed, and no task is wanted`
        : `${name} serves with ${tasks(proof.tasks)}`;
    release.say(`${serves}.`);
    if (proof.tasks === 0)
        release.note('No task is wanted, so nothing could be proven by one.');
    if (request.smokeTest && verdict === 'deployed' && !release.report.smokeTest) {
        release.stage = 'smoke-test';
        if (!(await smokeTest(context, release, request.smokeTest, deployment))) {
            const back = await goBack(context, release, request, deployment);
            return release.end('smoke-test-failed', `The smoke test failed: ${detailOf(release)}. ${back}`);
        }
    }
    release.stage = 'record';
    delete release.begun.deployment;
    await record(context, release, request, { definition, taskDefinition, digests: proof.digests });
    const unchanged = `${name} served already, with ${tasks(proof.tasks)}: nothing was changed.`;
    return release.end(verdict, verdict === 'unchanged' ? unchanged : `${serves}.`);
}
function tellTarget(release, service, { previous, changes }) {
    release.report.strategy = service.deploymentConfiguration?.strategy ?? 'ROLLING';
    release.report.previousTaskDefinition = revisionName(previous.arn);
    release.report.taskDefinition = revisionName(previous.arn);
    release.report.changes = changes;
    if (changes.length === 0)
        release.say(`The task definition is that of ${revisionName(previous.arn)}.`);
    else
        release.say(`The task definition differs from ${revisionName(previous.arn)}:`);
    for (const { path, before, after } of changes) {
        const line = before === undefined
            ? `+ ${path}: ${after ?? ''}`
            : after === undefined
                ? `- ${path}: ${before}`
                : `~ ${path}: ${before} → ${after}`;
        release.say(`  ${line}`);
    }
}
async function register(context, release, { arn, definition }) {
    release.stage = 'register';
    const registered = arn ?? (await registerTaskDefinition(context, definition));
    release.report.taskDefinition = revisionName(registered);
    if (arn === undefined)
        release.say(`Registered ${revisionName(registered)}.`);
    return registered;
}
/** Starts the deployment; undefined when another one came between. */
async function update(context, release, request, before, taskDefinition) {
    release.stage = 'update';
    const previous = before.taskDefinition ?? '';
    const { desiredCount } = request;
    release.begun.update = { taskDefinition, previous };
    const after = await updateService(context, request, {
        taskDefinition,
        ...(desiredCount !== undefined && { desiredCount }),
    });
    const deployment = deploymentOf(after, request, { taskDefinition, previous });
    if (!deployment)
        return undefined;
    release.begun.deployment = deployment;
    release.report.deployment = deployment.id;
    const isNew = deployment.id !== primaryDeployment(before)?.id;
    if (isNew)
        await identify(context, release, after, deployment);
    release.say(`Deployment ${release.report.deployment} of ${revisionName(taskDefinition)} has begun.`);
    return deployment;
}
/** Finds the service deployment, by which ECS tells most; a finished one tells nothing about the tasks of now. */
async function identify(context, release, service, deployment) {
    release.report.deployment = deployment.id;
    if (primaryDeployment(service)?.rolloutState === 'COMPLETED')
        return;
    const arn = await findServiceDeployment(context, deployment, service.currentServiceDeployment);
    if (arn === undefined)
        return;
    deployment.arn = arn;
    release.report.deployment = revisionName(arn);
}
async function whoElse(context, target) {
    const now = await describeService(context, target);
    return `Another deployment, of ${revisionName(now.taskDefinition ?? '')}, was started`;
}
/** What runs beside a deployment that somebody else has begun. */
function previousOf({ deployments = [] }, arn) {
    return deployments.find(({ taskDefinition }) => taskDefinition !== arn)?.taskDefinition ?? arn;
}
function tasks(count) {
    return count === 1 ? '1 task' : `${count} tasks`;
}
function detailOf({ report }) {
    return report.smokeTest?.detail ?? '';
}

;// CONCATENATED MODULE: ./build/src/release/service/rollback-service.js









/** How many revisions are looked through for an image of the ledger. */
const LOOKED_THROUGH = 25;
/**
 * Takes a service back to what ran before, and follows that to its end as any other release. Never throws: the
 * report tells.
 */
async function rollbackService(context, request) {
    const release = new Release(context, request);
    return await bounded_bounded(context, release, request, async (inner) => {
        const service = await describeService(inner, request);
        requireEcsController(service);
        const to = request.to ?? (await lastGood(inner, request, service));
        if (to === undefined) {
            const why = request.ledger
                ? 'the ledger and the service have no earlier release'
                : 'the service has no earlier revision';
            return release.end('failed', `There is nothing to go back to: ${why}. Nothing was changed.`);
        }
        inner.log.info(`Going back from ${revisionName(service.taskDefinition ?? '')} to ${revisionName(to)}.`);
        return await releaseService(context, {
            ...request,
            source: { kind: 'revision', revision: to },
            changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
        });
    });
}
/** The revision with the ledger's last image but one; without a ledger, the newest older revision of the family. */
async function lastGood(context, request, service) {
    const current = service.taskDefinition ?? '';
    const revisions = await revisionsOf(context, familyOf(current));
    const others = revisions.filter((arn) => arn !== current);
    if (!request.ledger)
        return others.find((arn) => revisions.indexOf(arn) > revisions.indexOf(current));
    const [now, ...earlier] = await releaseHistory(context, request.ledger);
    const running = await rollback_service_imageOf(context, request, service, current);
    // After a deployment that was never recorded, the ledger's newest is what ran before.
    const wanted = now !== undefined && now.image !== running ? [now, ...earlier] : earlier;
    const images = wanted.map(({ image }) => image).filter((image) => image !== running);
    const [image] = images;
    if (image === undefined)
        return undefined;
    for (const arn of others.slice(0, LOOKED_THROUGH)) {
        if ((await rollback_service_imageOf(context, request, service, arn)) === image)
            return arn;
    }
    throw new Error(`none of the last ${LOOKED_THROUGH} revisions has the image ${image} that the ledger has`);
}
async function rollback_service_imageOf(context, { service: name }, service, revision) {
    const { definition } = await readTaskDefinition(context, revision);
    const loadBalanced = loadBalancedContainer(service);
    return mainContainer(definition, { service: name, ...(loadBalanced !== undefined && { loadBalanced }) }, 'image').image;
}

;// CONCATENATED MODULE: ./build/src/release/service/service-status.js







/**
 * Tells what a service runs, and changes nothing: `unchanged` when it is steady and proven, else `failed`. Never
 * throws.
 */
async function serviceStatus(context, target) {
    const release = new Release(context, target);
    return await bounded_bounded(context, release, target, async (inner) => {
        const service = await describeService(inner, target);
        const arn = service.taskDefinition ?? '';
        const name = revisionName(arn);
        release.report.taskDefinition = name;
        release.report.strategy = service.deploymentConfiguration?.strategy ?? 'ROLLING';
        const primary = primaryDeployment(service);
        if (!isSteady(service)) {
            const { runningCount = 0, desiredCount = 0 } = service;
            const state = primary?.rolloutState === undefined ? '' : `, its deployment is ${primary.rolloutState}`;
            return release.end('failed', `${name} is not steady: ${runningCount} of ${desiredCount} tasks run${state}.`);
        }
        const { definition } = await readTaskDefinition(inner, arn);
        const sameImage = (image, digest) => isPartOf(inner, image, digest);
        const proof = await proveRunning(inner, { ...target, taskDefinition: arn, definition, sameImage });
        release.report.digests = proof.digests;
        return release.end('unchanged', `${name} serves with ${proof.tasks} of ${service.desiredCount ?? 0} tasks.`);
    });
}

;// CONCATENATED MODULE: ./build/src/report/duration.js
/** `46s`, `1m 46s`, `1h 02m`; less than half a second is `<1s`. */
function duration(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    if (seconds < 1)
        return '<1s';
    if (seconds < 60)
        return `${seconds}s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60)
        return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`;
    return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

// EXTERNAL MODULE: ./build/src/runtime/escape.js
var runtime_escape = __webpack_require__(2295);
;// CONCATENATED MODULE: ./build/src/report/markdown.js


/**
 * Any text, safe as a cell of a table: it shows as it was written, on one row, without markup, links or
 * mentions.
 */
function escapeCell(text) {
    return (0,runtime_escape/* escapeText */.X1)(text);
}
/** Any text as inline code, also inside a table's cell. */
function code(text) {
    return (0,runtime_escape/* literal */.eu)(text);
}
/**
 * A table. The cells are Markdown: pass text through `escapeCell` or `code` first. Missing cells are empty, and
 * a line break in a cell becomes `<br>`.
 */
function table(headers, rows) {
    const line = (cells) => `| ${headers.map((_, index) => oneRow(cells[index] ?? '')).join(' | ')} |`;
    return [line(headers), `|${' --- |'.repeat(headers.length)}`, ...rows.map(line)].join('\n');
}
/** A folded part: the summary is text, the body Markdown. */
function details(summary, body) {
    return `<details>\n<summary>${(0,runtime_escape/* escapeText */.X1)(summary)}</summary>\n\n${body.trim()}\n\n</details>`;
}
/** Text as it is, in a fence that the text cannot close. */
function fence(text, language = '') {
    const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
    const marks = '`'.repeat(longest + 1);
    return `${marks}${language}\n${text}\n${marks}`;
}
function oneRow(cell) {
    return cell.trim().replace(/\s*(?:\r\n|\r|\n)\s*/g, '<br>');
}

;// CONCATENATED MODULE: ./build/src/report/rollout-failure.js


/** Why tasks failed, as Markdown: the cause, what to do, the end of the log, the tasks. */
function rolloutFailure(found) {
    const parts = [
        `**${escapeCell(found.cause)}.**`,
        `**Fix:** ${escapeCell(found.fix)}`,
        ...logOf(found),
        ...(found.groups.length === 0 ? [] : [groupsTable(found.groups)]),
    ];
    return parts.join('\n\n');
}
function logOf({ log }) {
    if (!log)
        return [];
    return [`The end of the log ${code(log.stream)}:`, fence(log.lines.join('\n'))];
}
function groupsTable(groups) {
    const rows = groups.map((group) => [
        String(group.count),
        escapeCell(group.cause),
        [code(group.task), group.container === undefined ? '' : code(group.container)].filter(Boolean).join(' '),
        escapeCell(rollout_failure_evidenceOf(group)),
    ]);
    return table(['Tasks', 'Failed because', 'The first of them', 'AWS says'], rows);
}
function rollout_failure_evidenceOf({ exitCode, stopCode, stoppedReason, health, pullMs, target, }) {
    return [
        exitCode === undefined ? '' : `exit code ${exitCode}`,
        [stopCode, stoppedReason].filter(Boolean).join(': '),
        health === undefined ? '' : `container ${health}`,
        target === undefined ? '' : `target ${target}`,
        pullMs === undefined ? '' : `pulled in ${duration(pullMs)}`,
    ]
        .filter((text) => text !== '')
        .join('; ');
}

;// CONCATENATED MODULE: ./build/src/report/rollout-sections.js



const SHOWN_VALUE = 160;
/** The summary's parts: what came of it, why not and what to do, what it was about, and what happened when. */
function rolloutSections(report, end) {
    return [
        headline(report, end),
        ...rollout_sections_failure(report),
        ...findings(report),
        ...rollback(report),
        ...rollout_sections_preDeploy(report),
        ...rollout_sections_smokeTest(report),
        ...changes(report),
        ...notes(report),
        ...timeline(report),
    ];
}
function headline(report, { verdict, ok, reason }) {
    const facts = factsOf(report).map(([name, value]) => [escapeCell(name), value]);
    return {
        title: `${ok ? '✅' : '❌'} ${escapeCell(report.service)}: ${verdict}`,
        body: [escapeCell(reason), table(['', ''], facts)].join('\n\n'),
        priority: 100,
    };
}
function factsOf(report) {
    const { cluster, region, strategy, deployment, taskDefinition: to, previousTaskDefinition: from } = report;
    const revisions = from === undefined || from === to ? to : `${from} → ${to ?? ''}`;
    return [
        ['Cluster', `${code(cluster)} in ${escapeCell(region)}`],
        ...(revisions === undefined ? [] : [['Task definition', code(revisions)]]),
        ...Object.entries(report.digests).map(([name, digest]) => [
            `Runs in ${name}`,
            code(digest),
        ]),
        ...(deployment === undefined
            ? []
            : [['Deployment', `${code(deployment)}, ${escapeCell(strategy ?? '')}`]]),
        ['Took', escapeCell(duration(report.durationMs))],
    ];
}
function rollout_sections_failure({ failure: found }) {
    if (!found)
        return [];
    return [{ title: 'Why', body: rolloutFailure(found), priority: 95 }];
}
function findings({ findings: found }) {
    if (found.length === 0)
        return [];
    const errors = found.filter(({ level }) => level === 'error');
    const rows = [...errors, ...found.filter(({ level }) => level !== 'error')].map(({ level, message, fix }) => [level === 'error' ? '❌' : '⚠️', escapeCell(message), escapeCell(fix)]);
    const list = table(['', 'Found before the deployment', 'What to do'], rows);
    return errors.length > 0
        ? [{ title: 'What stands in the way', body: list, priority: 94 }]
        : [{ body: details(`${found.length} not checked`, list), priority: 45 }];
}
function rollback({ rollback: back }) {
    if (!back)
        return [];
    const reason = back.reason === undefined ? '' : ` ${escapeCell(back.reason)}`;
    return [{ title: 'Rollback', body: `To ${code(back.to)}: **${back.state}**.${reason}`, priority: 90 }];
}
function rollout_sections_preDeploy({ preDeploy: ran }) {
    if (!ran)
        return [];
    const { command, exitCode, log, durationMs } = ran;
    const ended = exitCode === undefined ? 'did not end' : `exit code ${exitCode}`;
    const line = `${code(command)}: ${ended}, after ${escapeCell(duration(durationMs))}.`;
    const body = [line, ...(log.length === 0 ? [] : [details('The end of its log', fence(log.join('\n')))])];
    return [{ title: 'Before the deployment', body: body.join('\n\n'), priority: 60 }];
}
function rollout_sections_smokeTest({ smokeTest: test }) {
    if (!test)
        return [];
    const { what, ok, attempts, detail, durationMs } = test;
    const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
    const line = `${ok ? '✅' : '❌'} ${code(what)}: ${escapeCell(detail)}, ${tries} in ${escapeCell(duration(durationMs))}.`;
    return [{ title: 'Smoke test', body: line, priority: ok ? 60 : 92 }];
}
function changes({ changes: changed }) {
    if (changed.length === 0)
        return [];
    const rows = changed.map(({ path, before, after }) => [code(path), rollout_sections_shown(before), rollout_sections_shown(after)]);
    return [{ title: 'Task definition', body: table(['', 'Before', 'After'], rows), priority: 70 }];
}
function notes({ notes: sentences }) {
    if (sentences.length === 0)
        return [];
    return [{ title: 'Also', body: sentences.map((text) => `- ${escapeCell(text)}`).join('\n'), priority: 50 }];
}
function timeline({ timeline: steps }) {
    const [first] = steps;
    if (!first)
        return [];
    const rows = steps.map(({ at, text }) => [escapeCell(`+${duration(at - first.at)}`), escapeCell(text)]);
    return [{ body: details('What happened when', table(['', ''], rows)), priority: 20 }];
}
function rollout_sections_shown(value) {
    if (value === undefined)
        return '';
    return code(value.length > SHOWN_VALUE ? `${value.slice(0, SHOWN_VALUE)}…` : value);
}

;// CONCATENATED MODULE: ./build/actions/update-service/outcome.js

/** How many lines of a log fit into an annotation that is read. */
const ANNOTATED_LINES = 10;
/** A report as outputs, result, summary and annotations. */
function serviceOutcome(report, { annotations }) {
    const { verdict, ok, reason, ...rest } = report;
    const { failure, findings } = report;
    if (failure && !ok) {
        const log = (failure.log?.lines ?? []).slice(-ANNOTATED_LINES);
        const message = [failure.cause, `Fix: ${failure.fix}`, ...(log.length > 0 ? ['Log:', ...log] : [])].join('\n');
        annotations.add({ level: 'error', title: `Why ${report.service} failed`, message, priority: 500 });
    }
    for (const { level, message, fix } of findings) {
        annotations.add({
            level,
            title: `${report.service}, before the deployment`,
            message: `${message}\n${fix}`,
        });
    }
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
        summary: rolloutSections(report, report),
    };
}

;// CONCATENATED MODULE: ./build/actions/update-service/update-service.js





/** Does what the inputs ask for, and tells it. */
async function update_service_updateService(work, session, context, env) {
    const report = await update_service_run(work, serviceContext(session, context, env));
    return serviceOutcome(report, context);
}
function update_service_run(work, context) {
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
