import { CreateRepositoryCommand, ListImagesCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { useSandboxes } from '../../support/action.ts';
import { buildPushImage, ecrOf, REPOSITORY } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';

const sandboxOf = useSandboxes();
const layoutOf = useLayouts();
const inputs = { 'oci-layout': 'image', tags: 'v1' };

type Scan = NonNullable<NonNullable<Scenario['ecr']>['scans']>[number];

async function sandboxWith(scan: Scan, timeScale = 1000): Promise<Sandbox> {
  return sandboxOf({ timeScale, scenario: { ecr: { scans: [scan] } } });
}

async function tags(sandbox: Sandbox): Promise<(string | undefined)[]> {
  const { imageIds = [] } = await ecrOf(sandbox).send(new ListImagesCommand({ repositoryName: REPOSITORY }));
  return imageIds.flatMap(({ imageTag }) => (imageTag === undefined ? [] : [imageTag]));
}

const findings: Scan['findings'] = [
  { name: 'CVE-2026-0003', severity: 'LOW', package: 'zlib', version: '1.2' },
  {
    name: 'CVE-2026-0001',
    severity: 'CRITICAL',
    package: 'glibc',
    version: '2.36',
    uri: 'https://example.org/1',
  },
  { name: 'CVE-2026-0002', severity: 'HIGH', package: 'openssl', version: '3.0.1', fixedIn: '3.0.2' },
];

describe('the scan', () => {
  test('passes without findings of the severity or higher', async () => {
    const sandbox = await sandboxWith({ findings: findings.slice(0, 1), seconds: 300 });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'high' }, layoutOf(['one']));
    expect(run.outputs).toMatchObject({ verdict: 'pushed', scan: 'clean' });
    expect(run.summary).toContain('1 low');
    expect(await tags(sandbox)).toEqual(['v1']);
  });

  test.each([false, true])('blocks with the findings and sets no tag (enhanced: %j)', async (enhanced) => {
    const sandbox = await sandboxWith({ findings, enhanced });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'high' }, layoutOf(['one']));
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'blocked', scan: 'blocked' });
    expect(run.outputs['digest']).toMatch(/^sha256:/);
    expect(run.outputs['reason']).toContain('2 vulnerabilities of severity high or higher');
    // Findings with a fix come first. Only an enhanced scan reports fixes.
    const [first, second] = enhanced ? ['openssl', 'glibc'] : ['glibc', 'openssl'];
    expect(run.summary.indexOf(first)).toBeLessThan(run.summary.indexOf(second));
    expect(run.summary).toContain(enhanced ? '3.0.2' : 'unknown');
    expect(run.summary).toContain('1 critical, 1 high, 1 low');
    expect(await tags(sandbox)).toEqual([]);
  });

  test('waits for a scan by Inspector, which cannot be started by a call', async () => {
    const sandbox = await sandboxWith({ findings, enhanced: true });
    await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: REPOSITORY }));
    const operation = 'DescribeImageScanFindings';
    sandbox.addFault({ operation, kind: 'error', code: 'ScanNotFoundException', status: 400, times: 2 });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'high' }, layoutOf(['one']));
    expect(sandbox.calls.of('StartImageScan').map(({ code }) => code)).toEqual(['ValidationException']);
    expect(run.outputs).toMatchObject({ verdict: 'blocked', scan: 'blocked' });
    expect(run.outputs['reason']).toContain('2 vulnerabilities of severity high or higher');
  });

  test('also applies to an existing image', async () => {
    const sandbox = await sandboxWith({ findings });
    const image = layoutOf(['one']);
    await buildPushImage(sandbox, { ...inputs, tags: 'v0' }, image);
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'critical' }, image);
    expect(run.outputs).toMatchObject({ verdict: 'blocked', reused: 'true' });
    expect(await tags(sandbox)).toEqual(['v0']);
  });

  test.each([
    ['UNSUPPORTED_IMAGE' as const, 'UnsupportedImageError: the operating system is not supported'],
    ['FAILED' as const, 'The scan failed.'],
  ])('that ends with %s is reported and blocks', async (status, description) => {
    const sandbox = await sandboxWith({ status, description });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'critical' }, layoutOf(['one']));
    expect(run.outputs).toMatchObject({ verdict: 'blocked', scan: 'blocked' });
    expect(run.outputs['reason']).toContain(`${status}: ${description}`);
    expect(run.summary).toContain('No scan result for linux/amd64');
    expect(await tags(sandbox)).toEqual([]);
  });

  test('that does not complete times out', async () => {
    const sandbox = await sandboxWith({ status: 'IN_PROGRESS' });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'low', timeout: '8s' }, layoutOf(['one']));
    expect(run.outputs['verdict']).toBe('timed-out');
    expect(run.outputs['reason']).toContain('The image is in the repository, without a tag.');
    expect(await tags(sandbox)).toEqual([]);
  });

  test('without read permission is a failure', async () => {
    const sandbox = await sandboxWith({});
    const operation = 'DescribeImageScanFindings';
    sandbox.addFault({ operation, kind: 'error', code: 'AccessDeniedException', status: 400, times: 100 });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'low' }, layoutOf(['one']));
    expect(run.outputs['verdict']).toBe('failed');
    expect(await tags(sandbox)).toEqual([]);
  });

  test('is retried after throttling', async () => {
    const sandbox = await sandboxWith({});
    const operation = 'DescribeImageScanFindings';
    sandbox.addFault({ operation, kind: 'throttle', times: 2 });
    const run = await buildPushImage(sandbox, { ...inputs, scan: 'low' }, layoutOf(['one']));
    expect(run.outputs).toMatchObject({ verdict: 'pushed', scan: 'clean' });
  });
});
