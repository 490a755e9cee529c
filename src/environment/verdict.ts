/** How a run of deploy-environment can end. Only what is proven is ok. */
export const VERDICTS = {
  deployed: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  destroyed: { ok: true },
  built: { ok: true },
  reported: { ok: true },
  ready: { ok: true },
  'in-sync': { ok: true },
  'not-ready': { ok: false },
  drifted: { ok: false },
  blocked: { ok: false },
  'plan-changed': { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Record<string, { ok: boolean }>;

export type Verdict = keyof typeof VERDICTS;
