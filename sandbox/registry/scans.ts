import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { isRunnable } from './manifests.ts';
import type { Manifest } from './manifests.ts';
import type { ImageRepository, ScanState } from './repository.ts';
import type { FindingRule, ScanRule } from '../scenario/scenario.ts';

const DEFAULT_SECONDS = 5;

/** Scans an image in the background, with the scenario's result. Throws UnsupportedImageTypeException. */
export function startScan(world: World, repository: ImageRepository, manifest: Manifest): ScanState {
  if (!isRunnable(manifest)) {
    const message = `The image manifest's media type ${manifest.mediaType} is not supported for scanning`;
    throw new AwsError('UnsupportedImageTypeException', message);
  }
  const rule = scanRule(world, repository);
  const scan: ScanState = {
    status: 'IN_PROGRESS',
    description: 'The scan is in progress.',
    findings: [],
    enhanced: rule?.enhanced ?? false,
  };
  repository.scans.set(manifest.digest, scan);
  world.run(async () => {
    await world.clock.sleep(rule?.seconds ?? DEFAULT_SECONDS);
    finish(scan, rule ?? {});
  });
  return scan;
}

/** Scan on push: only runnable images are scanned. Inspector does so regardless of the repository's setting. */
export function scanOnPush(world: World, repository: ImageRepository, manifest: Manifest): void {
  const wanted = repository.settings.scanOnPush || isLeftToInspector(world, repository);
  const known = repository.scans.has(manifest.digest);
  if (wanted && isRunnable(manifest) && !known) startScan(world, repository, manifest);
}

/** Whether Inspector scans the registry, in which case a scan cannot be requested. */
export function isLeftToInspector(world: World, repository: ImageRepository): boolean {
  return scanRule(world, repository)?.enhanced ?? false;
}

function scanRule(world: World, repository: ImageRepository): ScanRule | undefined {
  const rules = world.scenario.ecr?.scans ?? [];
  return rules.find(({ repository: name = repository.name }) => name === repository.name);
}

function finish(scan: ScanState, rule: ScanRule): void {
  const { status = 'COMPLETE', findings = [] } = rule;
  if (status === 'IN_PROGRESS') return;
  scan.status = scan.enhanced && status === 'COMPLETE' ? 'ACTIVE' : status;
  scan.description = rule.description ?? `The scan ended with ${status}.`;
  if (status !== 'COMPLETE') return;
  scan.completedAt = new Date();
  scan.findings = findings.map(scan.enhanced ? enhanced : basic);
}

/**
 * A basic scan does not report the version with the fix.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
 */
function basic(finding: FindingRule): object {
  const attributes = [
    { key: 'package_name', value: finding.package },
    { key: 'package_version', value: finding.version },
  ].filter(({ value }) => value !== undefined);
  const { name, severity, description, uri } = finding;
  return { name, severity, description, uri, attributes };
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EnhancedImageScanFinding.html */
function enhanced(finding: FindingRule): object {
  return {
    title: `${finding.name} - ${finding.package ?? 'package'}`,
    description: finding.description,
    severity: finding.severity,
    status: 'ACTIVE',
    type: 'PACKAGE_VULNERABILITY',
    fixAvailable: finding.fixedIn === undefined ? 'NO' : 'YES',
    packageVulnerabilityDetails: {
      vulnerabilityId: finding.name,
      sourceUrl: finding.uri,
      vulnerablePackages: [
        {
          name: finding.package,
          version: finding.version,
          fixedInVersion: finding.fixedIn ?? 'NotAvailable',
        },
      ],
    },
  };
}
