import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { node24 } from '../runtime/node24.js';
import { buildPushImage, REPOSITORY } from '../support/image.ts';
import { LayoutWriter, tarLayer } from '../support/oci.ts';
import { RegistrySession } from '../support/registry.ts';

const [SOURCE, TARGET] = ['111111111111', '222222222222'] as const;
const LAYERS_OF_A_PLATFORM = 3;
/** The minimum duration of a call to AWS. Without it, only CPU time would be compared. */
export const LATENCY_MS = 20;
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/**
 * Two accounts: the first has an image of two platforms with attestations, the second is empty. Each response takes
 * some time, as in AWS.
 */
export class CopyStage {
  readonly sandbox: Sandbox;
  readonly source: RegistrySession;
  /** Of the index. */
  readonly digest: string;
  /** Of all layers of both platforms. */
  readonly bytes: number;
  #targets = 0;

  private constructor(sandbox: Sandbox, source: RegistrySession, image: { digest: string; bytes: number }) {
    this.sandbox = sandbox;
    this.source = source;
    this.digest = image.digest;
    this.bytes = image.bytes;
  }

  /** @param megabytes of all layers together, which do not compress. */
  static async open(megabytes: number): Promise<CopyStage> {
    const sandbox = await startSandbox({ accounts: [SOURCE, TARGET] });
    const folder = mkdtempSync(join(tmpdir(), 'bench-copy-'));
    try {
      const image = await writeImage(folder, (megabytes * 1e6) / (2 * LAYERS_OF_A_PLATFORM));
      const inputs = { 'oci-layout': folder, tags: 'v1' };
      const run = await buildPushImage(sandbox, inputs, { workspace: folder, node: [node24()] });
      if (run.outputs['digest'] !== image.digest) throw new Error(run.log);
      const source = await RegistrySession.reopen(sandbox, SOURCE);
      sandbox.addFault({ kind: 'delay', delayMs: LATENCY_MS, probability: 1 });
      return new CopyStage(sandbox, source, image);
    } catch (error) {
      await sandbox.close();
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** A new, empty repository of the second account. */
  freshTarget(): Promise<RegistrySession> {
    const repositoryName = `${REPOSITORY}-${++this.#targets}`;
    return RegistrySession.open(this.sandbox, { repositoryName }, TARGET);
  }

  /** The digest of a tag in a repository. */
  async digestOf(session: RegistrySession, tag: string): Promise<string> {
    const { headers } = await session.fetch('HEAD', `manifests/${tag}`, { headers: { accept: INDEX_TYPE } });
    return headers.get('docker-content-digest') ?? '';
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }
}

async function writeImage(folder: string, layerBytes: number): Promise<{ digest: string; bytes: number }> {
  const layout = new LayoutWriter(folder);
  const images = [];
  let bytes = 0;
  for (const architecture of ['amd64', 'arm64']) {
    const layers = [];
    for (let i = 0; i < LAYERS_OF_A_PLATFORM; i++) {
      layers.push(await tarLayer(`layer-${i}`, randomBytes(layerBytes)));
    }
    bytes += layers.reduce((sum, { length }) => sum + length, 0);
    images.push(layout.image(layers, architecture));
  }
  const attestations = images.map((image) => layout.attestation(image));
  const index = layout.index([...images, ...attestations]);
  layout.finish(index);
  return { digest: index.digest, bytes };
}
