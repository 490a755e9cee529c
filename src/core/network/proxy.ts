import type { Log } from '../log.ts';

/** The proxies as Node.js reads them: `http.Agent` takes them as `proxyEnv`. */
interface ProxyEnvironment {
  HTTP_PROXY?: string;
  HTTPS_PROXY?: string;
  NO_PROXY: string;
}

/**
 * What no proxy reaches: this machine, and the addresses at which instances, tasks and pods get their credentials.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
const DIRECT = [
  'localhost',
  '127.0.0.1',
  '[::1]',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::254]',
  '[fd00:ec2::23]',
];

/** The proxies of the environment; undefined where there is none. Names in small letters come first, as in Node.js. */
function proxyEnvironment(env: NodeJS.ProcessEnv): ProxyEnvironment | undefined {
  const http = env['http_proxy'] || env['HTTP_PROXY'];
  const https = env['https_proxy'] || env['HTTPS_PROXY'];
  if (!http && !https) return undefined;
  const noProxy = env['no_proxy'] || env['NO_PROXY'];
  return {
    ...(http && { HTTP_PROXY: http }),
    ...(https && { HTTPS_PROXY: https }),
    NO_PROXY: noProxy === '*' ? '*' : [...(noProxy ? [noProxy] : []), ...DIRECT].join(','),
  };
}

/**
 * Options for an agent of one's own, which takes no proxy from the environment otherwise: "Custom agents can also be
 * created with proxy support by passing a proxyEnv option when constructing the agent."
 *
 * @see https://nodejs.org/api/http.html#built-in-proxy-support
 */
export function proxyOptions(env: NodeJS.ProcessEnv = process.env): object {
  const proxyEnv = proxyEnvironment(env);
  return proxyEnv ? { proxyEnv } : {};
}

/**
 * Sends what fetch and agents of the SDK's own request through the proxies of the environment. GitHub's client reads
 * the same variables itself.
 *
 * @see https://nodejs.org/api/http.html#httpsetglobalproxyfromenvproxyenv
 */
export function useProxies(env: NodeJS.ProcessEnv, log: Log): void {
  const proxies = proxyEnvironment(env);
  if (!proxies) return;
  for (const url of [proxies.HTTP_PROXY, proxies.HTTPS_PROXY]) {
    const password = url === undefined ? '' : (URL.parse(url)?.password ?? '');
    if (password !== '') log.secret(password);
  }
  const http: object = process.getBuiltinModule('node:http');
  const { setGlobalProxyFromEnv } = http as { setGlobalProxyFromEnv?: (proxyEnv: object) => unknown };
  if (setGlobalProxyFromEnv) {
    setGlobalProxyFromEnv(proxies);
  } else if (env['NODE_USE_ENV_PROXY'] !== '1') {
    log.warning(
      `HTTP_PROXY or HTTPS_PROXY is set, and Node.js ${process.version} of this runner does not use it for every request. Fix: update the runner, or set NODE_USE_ENV_PROXY: '1' in the job's env.`,
    );
  }
}
