'use strict';

/**
 * What Sigstore's packages use of make-fetch-happen, by the fetch of Node.js: without a cache on disk and a second
 * implementation of proxies, which are 400 kB of the bundles. Actions send fetch through the proxies of the environment
 * (src/core/network/proxy.ts).
 */
module.exports = async function fetchHappen(url, { method, headers, body, timeout, retry }) {
  const attempts = 1 + (typeof retry === 'object' ? (retry.retries ?? 0) : 0);
  for (let attempt = 1; ; attempt++) {
    try {
      const signal = timeout === undefined ? null : AbortSignal.timeout(timeout);
      const response = await fetch(url, { method, headers, body, signal });
      response.buffer = async () => Buffer.from(await response.arrayBuffer());
      return response;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
};
