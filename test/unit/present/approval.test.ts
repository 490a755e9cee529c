import { expect, test } from '@jest/globals';
import { approvalLines } from '../../../src/present/approval.ts';

test("shows who approved, how, and the reviewer's escaped comment", () => {
  const comment = '<img src=x> @org/all [here](https://evil.example) | `x`';
  const [line = '', ...others] = approvalLines({
    environment: 'prod',
    approvals: [
      { by: 'ada', through: 'dispatch' },
      { by: 'grace', through: 'review', comment },
    ],
  });
  expect(others).toEqual([]);
  expect(line).toMatch(/^Approved by ada \(started the run\), grace \(reviewed the deployment: “.*”\)\.$/);
  for (const markup of ['<img', '@org', '[here]', '`x`', ' | ']) expect(line).not.toContain(markup);
  expect(approvalLines({ environment: 'prod' })).toEqual([]);
});
