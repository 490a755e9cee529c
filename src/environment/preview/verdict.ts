/** How a run of preview-environment can end. */
export const VERDICTS = {
  deployed: { ok: true },
  removed: { ok: true },
  swept: { ok: true },
  unchanged: { ok: true },
  skipped: { ok: true },
  superseded: { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const;

export type Verdict = keyof typeof VERDICTS;
