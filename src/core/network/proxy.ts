import type { Log } from '../log.ts';

/** Proxy settings in the format of `http.Agent`'s option `proxyEnv`. */
interface ProxyEnvironment {
  HTTP_PROXY?: string;
  HTTPS_PROXY?: string;
  NO_PROXY: string;
}

/**
 * Never proxied: this machine, and the addresses where instances, tasks and pods get their credentials.
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

/** Proxy settings from the environment; undefined if there are none. Lowercase names win, as in Node.js. */
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
 * Options for a custom agent, which ignores the environment's proxy settings by default: "Custom agents can also be
 * created with proxy support by passing a proxyEnv option when constructing the agent."
 *
 * @see https://nodejs.org/api/http.html#built-in-proxy-support
 */
export function proxyOptions(env: NodeJS.ProcessEnv = process.env): object {
  const proxyEnv = proxyEnvironment(env);
  return proxyEnv ? { proxyEnv } : {};
}

/**
 * Routes requests of fetch and of the SDK's own agents through the proxies of the environment. GitHub's client reads
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
      `HTTP_PROXY or HTTPS_PROXY is set, but Node.js ${process.version} on this runner does not use it for every request. Fix: Update the runner, or set NODE_USE_ENV_PROXY: '1' in the job's env.`,
    );
  }
}
