import type { ImageRepository, ScanState } from '../registry/repository.ts';
import { isLeftToInspector, startScan } from '../registry/scans.ts';
import type { Input } from '../service.ts';
import { AwsError } from '../service.ts';
import type { EcrOperation } from './ecr-call.ts';
import { named, placeOf } from './ecr-call.ts';
import { existing } from './ecr-images.ts';
import { page } from './page.ts';

const MOST_A_PAGE = 1000;

export const SCAN_OPERATIONS: Record<string, EcrOperation> = {
  StartImageScan(world, input, call) {
    const repository = named(world, input, call);
    const manifest = existing(repository, imageId(input));
    if (isLeftToInspector(world, repository)) {
      throw new AwsError('ValidationException', 'This feature is disabled');
    }
    if (repository.scans.has(manifest.digest)) {
      const message = `The scan quota per image has been exceeded. Wait and try again.`;
      throw new AwsError('LimitExceededException', message);
    }
    const scan = startScan(world, repository, manifest);
    return { ...placeOf(repository), imageId: { imageDigest: manifest.digest }, imageScanStatus: status(scan) };
  },

  DescribeImageScanFindings(world, input, call) {
    const repository = named(world, input, call);
    const { digest } = existing(repository, imageId(input));
    const scan = scanOf(repository, digest);
    const request = { token: input.nextToken, limit: input.maxResults ?? 100, most: MOST_A_PAGE };
    const { items, nextToken } = page(scan.findings, request);
    return {
      ...placeOf(repository),
      imageId: { imageDigest: digest },
      imageScanStatus: status(scan),
      imageScanFindings: scan.completedAt && {
        imageScanCompletedAt: scan.completedAt,
        findingSeverityCounts: counts(scan),
        [scan.enhanced ? 'enhancedFindings' : 'findings']: items,
      },
      nextToken,
    };
  },
};

function imageId(input: Input): { imageTag?: string; imageDigest?: string } {
  return (input.imageId ?? {});
}

function scanOf(repository: ImageRepository, digest: string): ScanState {
  const scan = repository.scans.get(digest);
  if (scan) return scan;
  const message = `Image scan does not exist for the image with '{imageDigest:'${digest}', imageTag:'null'}' in the repository with name '${repository.name}' in the registry with id '${repository.account}'`;
  throw new AwsError('ScanNotFoundException', message);
}

function status(scan: ScanState): object {
  return { status: scan.status, description: scan.description };
}

function counts(scan: ScanState): Record<string, number> {
  const severities = scan.findings.map((finding) => (finding as { severity: string }).severity);
  return Object.fromEntries(
    [...new Set(severities)].map((severity) => [severity, severities.filter((each) => each === severity).length]),
  );
}
