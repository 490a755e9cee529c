export const id = 758;
export const ids = [758];
export const modules = {

/***/ 4758:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  followChanged: () => (/* binding */ followChanged)
});

// EXTERNAL MODULE: ./build/src/aws/errors.js
var errors = __webpack_require__(9368);
// EXTERNAL MODULE: ./node_modules/@aws-sdk/client-ecs/dist-cjs/index.js
var dist_cjs = __webpack_require__(212);
// EXTERNAL MODULE: ./build/src/aws/send.js
var aws_send = __webpack_require__(9893);
// EXTERNAL MODULE: ./build/src/runtime/poll.js
var poll = __webpack_require__(3281);
// EXTERNAL MODULE: ./build/src/runtime/errors.js
var runtime_errors = __webpack_require__(9139);
;// CONCATENATED MODULE: ./build/src/ecs/service.js


/** The service cannot be deployed by this suite, or is not there. The message is for a person. */
class ServiceError extends Error {
    name = 'ServiceError';
}
/** Reads a service. Throws ServiceError when there is none, or when it is being deleted. */
async function describeService(context, { cluster, service }) {
    const command = new dist_cjs/* DescribeServicesCommand */.H7c({ cluster, services: [service] });
    const { services = [], failures = [] } = await (0,aws_send/* send */.t)(await context.ecs(), command, context);
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
    const command = new UpdateServiceCommand({ cluster, service, ...change });
    const answer = await send(await context.ecs(), command, context);
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
        return await (0,poll/* poll */.w)(context, options, async () => {
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
    const { serviceDeployments = [] } = await (0,aws_send/* send */.t)(await context.ecs(), command, context);
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
    const { serviceDeployments = [], failures = [] } = await (0,aws_send/* send */.t)(await context.ecs(), command, context);
    const [found] = serviceDeployments;
    if (found)
        return found;
    throw new Error(`ECS does not know the service deployment ${arn} (${failures[0]?.reason ?? 'no reason'})`);
}
/** Reads a service revision; undefined when it is not there (yet). */
async function describeRevision(context, arn) {
    const command = new dist_cjs/* DescribeServiceRevisionsCommand */.oF5({ serviceRevisionArns: [arn] });
    const { serviceRevisions = [] } = await (0,aws_send/* send */.t)(await context.ecs(), command, context);
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
function raw_json_rawInput(command, input) {
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

;// CONCATENATED MODULE: ./build/src/ecs/task-definitions.js





/** Reads a revision with its tags. Throws an error that names it when it does not exist. */
async function readTaskDefinition(context, revision) {
    const client = await context.ecs();
    const command = new dist_cjs/* DescribeTaskDefinitionCommand */.Zy$({ taskDefinition: revision, include: ['TAGS'] });
    const raw = rawAnswer(command);
    const answer = await (0,aws_send/* send */.t)(client, command, context).catch((error) => {
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
    const command = new RegisterTaskDefinitionCommand(definition);
    rawInput(command, definition);
    const { taskDefinition } = await send(client, command, context);
    const arn = taskDefinition?.taskDefinitionArn;
    if (arn === undefined)
        throw new Error('RegisterTaskDefinition answered without a revision');
    return arn;
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
        const page = await (0,aws_send/* send */.t)(client, command, context);
        arns.push(...(page.taskArns ?? []));
        nextToken = page.nextToken;
    } while (nextToken !== undefined && nextToken !== '');
    const tasks = [];
    for (let from = 0; from < arns.length; from += PAGE) {
        const command = new dist_cjs/* DescribeTasksCommand */.z8X({ cluster, tasks: arns.slice(from, from + PAGE) });
        tasks.push(...((await (0,aws_send/* send */.t)(client, command, context)).tasks ?? []));
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
    const { events = [] } = await (0,aws_send/* send */.t)(await context.logs(), command, context);
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
    const { TargetGroups = [] } = await (0,aws_send/* send */.t)(await context.elb(), command, context);
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
    const answers = await Promise.all(groups.map((arn) => (0,aws_send/* send */.t)(client, new client_elastic_load_balancing_v2_dist_cjs/* DescribeTargetHealthCommand */.qyg({ TargetGroupArn: arn }), context)));
    return answers.flatMap(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions.map(stateOf));
}
/** How many of the targets that stay are healthy. */
function countTargets(states) {
    const staying = states.filter(({ state }) => state !== 'draining');
    return {
        registered: staying.length,
        healthy: staying.filter(({ state }) => state === 'healthy').length,
    };
}
function stateOf({ Target, TargetHealth }) {
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
    const state = rollout_state_stateOf(found);
    if (found.status === 'STOPPED')
        return { ...state, ...(await whyStopped(context, deployment, found)) };
    const revision = found.rollback?.serviceRevisionArn;
    if (revision === undefined || !isEnd(state.phase))
        return state;
    const target = await describeRevision(context, revision);
    return { ...state, ...(target?.taskDefinition !== undefined && { other: target.taskDefinition }) };
}
function rollout_state_stateOf(found) {
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
    return await (0,poll/* poll */.w)(context, { what, timeoutMs: options.timeoutMs, isThrottle: errors/* isThrottle */.p0 }, () => watch.look());
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
        await (0,poll/* poll */.w)(context, options, attempt);
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
    await (0,aws_send/* send */.t)(await context.ecs(), command, context);
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

;// CONCATENATED MODULE: ./build/src/release/service/follow-changed.js







/** The stack that waits for the service has a time limit of its own. */
const NO_LIMIT_MS = 24 * 60 * 60_000;
/** For the last look at why tasks fail. */
const LAST_LOOK_MS = 10_000;
/** How far apart the clocks of two AWS services may be. */
const SKEW_MS = 5000;
/**
 * Follows the deployment that a stack begins on a service, as one of ours: its progress in the log, a failure
 * explained as soon as it shows, a PAUSE hook answered by the smoke test.
 *
 * @param signal ends it.
 * @returns tells why the tasks fail; undefined when they do not. It never rejects.
 */
function followChanged(context, { arn, since }, signal, smokeTest) {
    const service = addressOf(arn);
    const release = new Release(context, service);
    const watching = { ...context, signal: AbortSignal.any([context.signal, signal]) };
    let changing;
    const watch = async () => {
        const options = { what: `a deployment of ${service.service}`, timeoutMs: NO_LIMIT_MS, isThrottle: errors/* isThrottle */.p0 };
        changing = await (0,poll/* poll */.w)(watching, options, () => findChanging(watching, service, since));
        await follow(watching, release, changing.deployment, { ...changing, ...(smokeTest && { smokeTest }) });
    };
    watch().catch((error) => {
        if (watching.signal.aborted)
            return;
        context.log.info(`The tasks of ${service.service} cannot be followed: ${(0,errors/* errorText */.kc)(error)}`);
    });
    return async () => {
        if (release.report.smokeTest?.ok === false)
            return notAsItShould(release.report.smokeTest);
        if (release.report.failure)
            return release.report.failure;
        const last = { ...context, signal: AbortSignal.any([context.signal, AbortSignal.timeout(LAST_LOOK_MS)]) };
        try {
            changing ??= await findChanging(last, service, since);
            if (changing)
                await explainFailure(last, release, changing.deployment, changing.definition);
        }
        catch (error) {
            context.log.info(`Why the tasks of ${service.service} fail cannot be read: ${(0,errors/* errorText */.kc)(error)}`);
        }
        return release.report.failure;
    };
}
/** The deployment of a service that is younger than the change; undefined while there is none. */
async function findChanging(context, address, since) {
    const service = await describeService(context, address).catch((error) => {
        // A new service may be seen a moment later.
        if (error instanceof ServiceError)
            return undefined;
        throw error;
    });
    if (!service)
        return undefined;
    const { createdAt } = primaryDeployment(service) ?? {};
    if (!createdAt || createdAt.getTime() < since - SKEW_MS)
        return undefined;
    const { arn, definition } = await readTaskDefinition(context, goalOf(service) ?? '');
    const deployment = deploymentOf(service, address, { taskDefinition: arn, previous: '' });
    if (!deployment)
        return undefined;
    const known = await findServiceDeployment(context, deployment);
    return {
        service,
        definition,
        timeoutMs: NO_LIMIT_MS,
        deployment: { ...deployment, ...(known !== undefined && { arn: known }) },
    };
}
function notAsItShould({ what, detail }) {
    return {
        cause: `The smoke test ${what} failed (${detail})`,
        fix: 'The new tasks run and do not answer as they should: repair the service, or the test.',
        groups: [],
    };
}
/** Of `arn:aws:ecs:eu-west-1:111111111111:service/<cluster>/<name>`. */
function addressOf(arn) {
    const [cluster = '', service = ''] = arn.slice(arn.indexOf(':service/') + ':service/'.length).split('/');
    return { cluster, service };
}


/***/ })

};
