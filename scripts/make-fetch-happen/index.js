'use strict';

/**
 * Implements the part of make-fetch-happen that Sigstore's packages use, with the fetch of Node.js. The original has a disk
 * cache and its own proxy support, which add 400 kB to the bundles. Actions route fetch through the proxies of the
 * environment (src/core/network/proxy.ts).
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
