import type { ECRClient } from '@aws-sdk/client-ecr';
import { blockingFindings, countBySeverity } from '../../ecr/gate.ts';
import type { Repository } from '../../ecr/repository.ts';
import { scanResult } from '../../ecr/scan.ts';
import type { Finding, Severity } from '../../ecr/scan.ts';
import type { ReportedScan } from '../../report/image.ts';
import type { Context } from '../../runtime/context.ts';

/**
 * Waits for the scan of every platform's image and judges all findings together.
 *
 * @throws TimeoutError when there is no result within `timeoutMs`.
 */
export async function judgeScan(
  client: ECRClient,
  repository: Repository,
  platforms: readonly { platform: string; digest: string }[],
  options: { threshold: Severity; timeoutMs: number },
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<ReportedScan> {
  const findings = new Map<string, Finding>();
  const missing: { platform: string; reason: string }[] = [];
  for (const { platform, digest } of platforms) {
    const image = { repositoryName: repository.name, digest };
    const { scanOnPush } = repository;
    const result = await scanResult(client, image, { scanOnPush, timeoutMs: options.timeoutMs }, context);
    if (result.state === 'none') missing.push({ platform, reason: result.reason });
    // The same package in two platforms is one thing to fix.
    else for (const finding of result.findings) findings.set(JSON.stringify(finding), finding);
  }
  if (platforms.length === 0) missing.push({ platform: 'the index', reason: 'it has no image that runs' });
  const all = [...findings.values()];
  return {
    threshold: options.threshold,
    counts: countBySeverity(all),
    blocking: blockingFindings(all, options.threshold),
    missing,
  };
}

/** Why the scan does not let the image pass; undefined when it does. */
export function scanObjection({ blocking, missing, threshold }: ReportedScan): string | undefined {
  if (blocking.length > 0) {
    const fixable = blocking.filter(({ fixedIn }) => fixedIn !== '').length;
    const worst = blocking
      .slice(0, 3)
      .map(({ name, package: where }) => (where === '' ? name : `${name} in ${where}`))
      .join(', ');
    return `The scan found ${blocking.length} findings of severity ${threshold} or worse, ${fixable} of them with a known fix: ${worst}.`;
  }
  const [first] = missing;
  if (!first) return undefined;
  return `There are no scan findings for ${first.platform} to judge by: ${first.reason}.`;
}
