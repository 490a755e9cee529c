import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startSandbox, type Sandbox, type Scenario } from '../../../sandbox/index.ts';
import type { RunOptions } from '../../../sandbox/runner.ts';
import { DEV } from '../aws-clients.ts';
import { LayoutWriter } from '../oci.ts';
import { actingAs, roleFor } from '../roles.ts';
import { measuredRun, type MeasuredRun } from './measure.ts';
import { platformFiles, serviceNames, type PlatformSize } from './platform.ts';

export interface ScaleOptions extends PlatformSize {
  scenario?: Scenario;
  /** Simulated seconds per real second. Default: 1000. A poll of the product takes real time. */
  timeScale?: number;
}

/**
 * An environment with many stacks and services in a sandbox, on which the committed bundle of deploy-environment runs
 * with the permissions of the bootstrap's roles:
 *
 *     const environment = await ScaleEnvironment.start({ stacks: 20, services: 10 });
 *     const first = await environment.run();                      // creates everything
 *     const again = await environment.run({ command: 'plan' });   // again.calls, .totalCalls, .cpuMs, .peakMb
 *     environment.write({ 'dev.json': … });                       // a change of every stack: `recolour`
 *     await environment.close();
 *
 * A rule of the scenario slows a stack down. Its `stack` is a name or a prefix up to a dash:
 * `resources: [{ match: { stack: 'dev-shop-plain', type: 'AWS::SNS::Topic' }, on: 'create', seconds: 600 }]`.
 */
export class ScaleEnvironment {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  readonly services: readonly string[];

  private constructor(sandbox: Sandbox, workspace: string, services: readonly string[]) {
    this.sandbox = sandbox;
    this.workspace = workspace;
    this.services = services;
  }

  static async start(options: ScaleOptions): Promise<ScaleEnvironment> {
    const { scenario = {}, timeScale = 1000, ...size } = options;
    const sandbox = await startSandbox({ timeScale, scenario });
    const workspace = mkdtempSync(join(tmpdir(), 'scale-'));
    const environment = new ScaleEnvironment(sandbox, workspace, serviceNames(size));
    environment.write(platformFiles(size));
    environment.release('v1');
    return environment;
  }

  /** Writes files of the workspace. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.workspace, name)), { recursive: true });
      writeFileSync(join(this.workspace, name), content);
    }
  }

  /** Changes the content of services' images, by default of all. */
  release(version: string, services: readonly string[] = this.services): void {
    for (const name of services) {
      const layout = new LayoutWriter(join(this.workspace, 'images', name));
      layout.finish(layout.image([`${name} ${version}`]));
    }
  }

  /** Changes a parameter that every stack and service except `cluster` and `registry` has. */
  recolour(colour: string): void {
    const Parameters = { Project: 'shop', Environment: 'dev', Colour: colour };
    this.write({ 'dev.json': JSON.stringify({ Parameters }) });
  }

  /** Runs deploy-environment, by default with `deploy`. */
  run(inputs: Record<string, string> = {}, options: RunOptions = {}): Promise<MeasuredRun> {
    return measuredRun(this.sandbox, 'deploy-environment', {
      ...options,
      workspace: this.workspace,
      inputs: { environment: 'dev', ...inputs },
      env: { ...actingAs(this.sandbox, roleFor(inputs), { account: DEV }), ...options.env },
    });
  }

  /** Runs `apply` with the result of a `plan` run. */
  apply({ outputs }: Pick<MeasuredRun, 'outputs'>, options: RunOptions = {}): Promise<MeasuredRun> {
    const { plan = '', fingerprint = '' } = outputs;
    return this.run({ command: 'apply', plan, fingerprint }, options);
  }

  async close(): Promise<void> {
    await this.sandbox.close();
    rmSync(this.workspace, { recursive: true, force: true });
  }
}
