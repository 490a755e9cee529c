import type {
  DescribeImageScanFindingsCommandOutput,
  ECRClient,
  EnhancedImageScanFinding,
  ImageScanFinding,
} from '@aws-sdk/client-ecr';
import { awsNameOf, classify, isThrottle } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { reasonOf } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import type { Repository } from './registry/repository.ts';
import { plural, sentence } from '../core/text.ts';

/** From the most to the least severe. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'informational', 'undefined'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  severity: Severity;
  /** `CVE-2026-0001` */
  name: string;
  package: string;
  version: string;
  /** The version with the fix; empty if there is none or it is not known. */
  fixedIn: string;
  uri: string;
}

type ScanResult =
  | { state: 'complete'; findings: readonly Finding[] }
  /** There is no result, for this reason. */
  | { state: 'none'; reason: string };

/** The findings of all platforms of an image, compared with a threshold. */
export interface ScanEvaluation {
  /** The lowest severity that blocks. */
  threshold: Severity;
  /** Findings by severity, the most severe first. */
  counts: readonly (readonly [Severity, number])[];
  blocking: readonly Finding[];
  /** Images without a scan result, and the reason. */
  missing: readonly { platform: string; reason: string }[];
}

type ScanContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** How long to wait for a scan on push before requesting one. */
const SCAN_ON_PUSH_MS = 15_000;
/** How long to wait for Inspector to start a scan, if the registry uses enhanced scanning. */
const INSPECTOR_START_MS = 120_000;
const UNFINISHED = new Set(['IN_PROGRESS', 'PENDING', undefined]);

/**
 * Waits for ECR's scan of an image. If the repository does not scan on push, a scan is started.
 *
 * @param digest of a single image. An index is not scanned.
 * @throws TimeoutError if there is no result within `timeoutMs`.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
 */
async function waitForScan(
  client: ECRClient,
  image: { repositoryName: string; digest: string },
  options: { scanOnPush: boolean; timeoutMs: number },
  context: ScanContext,
): Promise<ScanResult> {
  const startedAt = context.clock.now();
  const what = `the scan of ${image.digest}`;
  let request: ScanRequest | undefined;
  return poll(context, { what, timeoutMs: options.timeoutMs, isThrottle }, async () => {
    const page = await describe(client, image, context);
    if (page) return readResult(client, image, page, context);
    const waitedMs = context.clock.now() - startedAt;
    if (!request) {
      if (options.scanOnPush && waitedMs < SCAN_ON_PUSH_MS) return undefined;
      request = await startScan(client, image, context);
    }
    const { rejected, mayStartLater = false } = request;
    if (rejected === undefined || (mayStartLater && waitedMs < INSPECTOR_START_MS)) return undefined;
    return { state: 'none', reason: rejected };
  });
}

async function readResult(
  client: ECRClient,
  image: { repositoryName: string; digest: string },
  page: DescribeImageScanFindingsCommandOutput,
  context: ScanContext,
): Promise<ScanResult | undefined> {
  const { status, description } = page.imageScanStatus ?? {};
  if (UNFINISHED.has(status)) return undefined;
  if (status === 'COMPLETE' || status === 'ACTIVE') {
    return { state: 'complete', findings: await allFindings(client, image, page, context) };
  }
  return { state: 'none', reason: [status, description].filter((text) => text !== undefined).join(': ') };
}

async function describe(
  client: ECRClient,
  { repositoryName, digest }: { repositoryName: string; digest: string },
  context: Pick<Context, 'signal'>,
  nextToken?: string,
): Promise<DescribeImageScanFindingsCommandOutput | undefined> {
  const { DescribeImageScanFindingsCommand } = await import('@aws-sdk/client-ecr');
  const imageId = { imageDigest: digest };
  const command = new DescribeImageScanFindingsCommand({
    repositoryName,
    imageId,
    maxResults: 1000,
    nextToken,
  });
  try {
    return await send(client, command, context);
  } catch (error) {
    if (awsNameOf(error) === 'ScanNotFoundException') return undefined;
    throw error;
  }
}

/** A request for a scan. */
interface ScanRequest {
  /** Why ECR rejected the request. */
  rejected?: string;
  /** Whether a scan may start anyway: Inspector starts scans itself, but not on request. */
  mayStartLater?: boolean;
}

/** Starts a scan. If ECR's daily limit for the image is reached, the existing scan is used. */
async function startScan(
  client: ECRClient,
  { repositoryName, digest }: { repositoryName: string; digest: string },
  context: ScanContext,
): Promise<ScanRequest> {
  const { StartImageScanCommand } = await import('@aws-sdk/client-ecr');
  const command = new StartImageScanCommand({ repositoryName, imageId: { imageDigest: digest } });
  context.log.info(`Starting a scan of ${digest}.`);
  try {
    await send(client, command, context);
    return {};
  } catch (error) {
    const name = awsNameOf(error);
    if (name === 'LimitExceededException') return {};
    if (name === 'UnsupportedImageTypeException') return { rejected: reasonOf(error) };
    if (classify(error) === 'validation') return { rejected: reasonOf(error), mayStartLater: true };
    throw error;
  }
}

async function allFindings(
  client: ECRClient,
  image: { repositoryName: string; digest: string },
  first: DescribeImageScanFindingsCommandOutput,
  context: Pick<Context, 'signal'>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let page: DescribeImageScanFindingsCommandOutput | undefined = first;
  while (page) {
    const { findings: basic = [], enhancedFindings: enhanced = [] } = page.imageScanFindings ?? {};
    findings.push(...basic.map(basicFinding), ...enhanced.filter(isActive).flatMap(enhancedFindings));
    page = page.nextToken === undefined ? undefined : await describe(client, image, context, page.nextToken);
  }
  return findings;
}

function basicFinding({ severity, name = '', uri = '', attributes = [] }: ImageScanFinding): Finding {
  const attribute = (key: string): string => attributes.find((each) => each.key === key)?.value ?? '';
  return {
    severity: severityOf(severity),
    name,
    uri,
    package: attribute('package_name'),
    version: attribute('package_version'),
    fixedIn: '',
  };
}

/** A finding of Inspector, once for each affected package. */
function enhancedFindings({
  severity,
  title = '',
  packageVulnerabilityDetails: details,
}: EnhancedImageScanFinding): Finding[] {
  const common = {
    severity: severityOf(severity),
    name: details?.vulnerabilityId ?? title,
    uri: details?.sourceUrl ?? '',
  };
  const packages = details?.vulnerablePackages ?? [];
  if (packages.length === 0) return [{ ...common, package: '', version: '', fixedIn: '' }];
  return packages.map(({ name = '', version = '', fixedInVersion = '' }) => ({
    ...common,
    package: name,
    version,
    fixedIn: fixedInVersion === 'NotAvailable' ? '' : fixedInVersion,
  }));
}

/** Suppressed and closed findings do not count. */
function isActive({ status }: EnhancedImageScanFinding): boolean {
  return status === undefined || status === 'ACTIVE';
}

/** Inspector reports a finding without a severity as UNTRIAGED. */
function severityOf(severity: string | undefined): Severity {
  return SEVERITIES.find((known) => known === severity?.toLowerCase()) ?? 'undefined';
}

/** The findings of at least this severity: fixable ones first, then by severity and name. */
export function blockingFindings(findings: readonly Finding[], from: Severity): Finding[] {
  const limit = SEVERITIES.indexOf(from);
  return findings
    .filter(({ severity }) => SEVERITIES.indexOf(severity) <= limit)
    .toSorted(
      (a, b) =>
        Number(b.fixedIn !== '') - Number(a.fixedIn !== '') ||
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        a.name.localeCompare(b.name),
    );
}

/** The number of findings of each severity, the most severe first. */
export function countBySeverity(findings: readonly Finding[]): [Severity, number][] {
  return SEVERITIES.map((severity): [Severity, number] => [
    severity,
    findings.filter((finding) => finding.severity === severity).length,
  ]).filter(([, count]) => count > 0);
}

/**
 * Waits for the scan of every platform's image and evaluates all findings together.
 *
 * @throws TimeoutError if there is no result within `timeoutMs`.
 */
export async function evaluateScan(
  client: ECRClient,
  repository: Repository,
  platforms: readonly { platform: string; digest: string }[],
  options: { threshold: Severity; timeoutMs: number },
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<ScanEvaluation> {
  const findings = new Map<string, Finding>();
  const missing: { platform: string; reason: string }[] = [];
  for (const { platform, digest } of platforms) {
    const image = { repositoryName: repository.name, digest };
    const { scanOnPush } = repository;
    const result = await waitForScan(client, image, { scanOnPush, timeoutMs: options.timeoutMs }, context);
    if (result.state === 'none') missing.push({ platform, reason: result.reason });
    // The same finding in several platforms counts once.
    else for (const finding of result.findings) findings.set(JSON.stringify(finding), finding);
  }
  if (platforms.length === 0)
    missing.push({ platform: 'the index', reason: 'it contains no runnable image' });
  const all = [...findings.values()];
  return {
    threshold: options.threshold,
    counts: countBySeverity(all),
    blocking: blockingFindings(all, options.threshold),
    missing,
  };
}

/** Why the scan blocks the image; undefined if it does not. */
export function scanBlockReason({ blocking, missing, threshold }: ScanEvaluation): string | undefined {
  if (blocking.length > 0) {
    const fixable = blocking.filter(({ fixedIn }) => fixedIn !== '').length;
    const worst = blocking
      .slice(0, 3)
      .map(({ name, package: where }) => (where === '' ? name : `${name} in ${where}`))
      .join(', ');
    return `The scan found ${plural(blocking.length, 'vulnerability', 'vulnerabilities')} of severity ${threshold} or higher, ${fixable} with a known fix: ${worst}.`;
  }
  const [first] = missing;
  if (!first) return undefined;
  return sentence(`There is no scan result for ${first.platform}: ${first.reason}`);
}
