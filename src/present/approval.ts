import { escapeCell } from '../core/markdown/markdown.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Approval } from '../delivery/approval.ts';

const THROUGH: Readonly<Record<Approval['through'], string>> = {
  dispatch: 'started the run',
  review: 'reviewed the deployment',
};

/** Who approved a change, or that it awaits approval and how to continue: paragraphs of a summary. */
export function approvalLines({
  environment,
  approvals = [],
  awaitsApproval,
}: {
  environment: string;
  approvals?: readonly Approval[] | undefined;
  awaitsApproval?: string | undefined;
}): string[] {
  const names = approvals.map(({ by, through, comment }) => {
    const quote = comment === undefined ? '' : `: “${escapeCell(comment)}”`;
    return `${escapeCell(by)} (${THROUGH[through]}${quote})`;
  });
  return [
    ...(names.length > 0 ? [`Approved by ${names.join(', ')}.`] : []),
    ...(awaitsApproval === undefined
      ? []
      : [
          `> [!IMPORTANT]\n> This run does not change ${escapeCell(environment)}, which has approvers. ${escapeCell(awaitsApproval)}`,
        ]),
  ];
}

/** The approval of a change in a notification: who approved it, or that it awaits approval. */
export function approvalNews({
  approvals = [],
  awaitsApproval,
  reason,
  hasChanges,
}: {
  approvals?: readonly Approval[] | undefined;
  awaitsApproval?: string | undefined;
  reason: string;
  hasChanges: boolean;
}): Pick<Outcome, 'approvedBy' | 'announcement'> {
  const waits = awaitsApproval !== undefined && hasChanges;
  return {
    approvedBy: approvals.map(({ by }) => by),
    ...(waits && {
      announcement: { icon: '⏳', title: 'Waiting for approval', text: `${reason} ${awaitsApproval}` },
    }),
  };
}
