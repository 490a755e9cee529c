import type { OurDeployment } from '../../ecs/deployment.ts';
import type { ServiceAddress } from '../../ecs/service.ts';
import type { RolloutReport } from '../../report/rollout.ts';
import type { ServiceContext } from './context.ts';
import type { ServiceReport, ServiceVerdict } from './report.ts';

/** The parts of a release, in their order. */
export type Stage =
  'check' | 'register' | 'pre-deploy' | 'update' | 'rollout' | 'prove' | 'smoke-test' | 'record';

/** What is under way at AWS, and would go on without us. */
export interface Begun {
  /** The tasks of pre-deploy. */
  preDeploy?: { cluster: string; startedBy: string };
  /** UpdateService was sent, and its answer may not have come. */
  update?: { taskDefinition: string; previous: string };
  deployment?: OurDeployment;
}

/** One release under way: enough to tell, wherever it ends, what was done and what was not. */
export class Release {
  stage: Stage = 'check';
  readonly report: RolloutReport;
  readonly begun: Begun = {};
  readonly #context: ServiceContext;
  readonly #startedAt: number;

  constructor(context: ServiceContext, { cluster, service }: ServiceAddress) {
    this.#context = context;
    this.#startedAt = context.clock.now();
    this.report = {
      cluster,
      service,
      region: context.region,
      digests: {},
      changes: [],
      findings: [],
      timeline: [],
      durationMs: 0,
      notes: [],
    };
  }

  /** Something that happened: in the log now, and in the timeline. */
  say(text: string): void {
    this.#context.log.info(text);
    this.report.timeline.push({ at: this.#context.clock.now(), text });
  }

  /** Something worth knowing: in the log now, and in the summary. */
  note(text: string): void {
    this.#context.log.info(text);
    this.report.notes.push(text);
  }

  /** How it ended. */
  end(verdict: ServiceVerdict, reason: string): ServiceReport {
    this.report.durationMs = this.#context.clock.now() - this.#startedAt;
    const told = { ...this.report, reason };
    return verdict === 'deployed' || verdict === 'unchanged'
      ? { ...told, verdict, ok: true }
      : { ...told, verdict, ok: false };
  }
}
