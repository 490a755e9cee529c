import { expect, jest, test } from '@jest/globals';
import * as core from '@actions/core';
import fc from 'fast-check';
import { annotationsOf, logText, readLog } from '../../../../sandbox/demo/log.ts';

const LOG = `::add-mask::ghs_0000
Plan ready: 7 of 7 stacks will change.
::group::The plan
  + Vpc
::debug::not shown
::warning file=templates/vpc.yml,line=12,title=Quota%3A 5::One%0Atwo%25
::endgroup::
::error title=deploy-stack%3A rolled-back::No address is left.
::save-state name=a::b
Done.
`;

test('a log shows annotations and groups, and no workflow command', () => {
  expect(logText(readLog(LOG))).toBe(`Plan ready: 7 of 7 stacks will change.
The plan
    + Vpc
  Warning: templates/vpc.yml:12: Quota: 5: One
two%
Error: deploy-stack: rolled-back: No address is left.
Done.
`);
});

test('finds annotations of a level in groups too', () => {
  expect(annotationsOf(LOG, 'error')).toEqual(['Error: deploy-stack: rolled-back: No address is left.']);
  expect(annotationsOf(LOG, 'warning')).toEqual(['Warning: templates/vpc.yml:12: Quota: 5: One\ntwo%']);
  expect(annotationsOf(LOG, 'notice')).toEqual([]);
});

test('reads every annotation of @actions/core', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((each) => each.trim() === each);
  let tried = 0;
  fc.assert(
    fc.property(text, text, (title, message) => {
      tried += 1;
      expect(annotationsOf(errorOf(title, message), 'error')).toEqual([`Error: ${title}: ${message}`]);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(tried).toBe(300);
});

test('does not show registered secrets', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 8 }), (secret) => {
      expect(readLog(`${secretOf(secret)}Done.\n`)).toEqual([{ kind: 'text', text: 'Done.' }]);
    }),
    { seed: 1, numRuns: 300 },
  );
});

const secretOf = (secret: string): string =>
  written(() => {
    core.setSecret(secret);
  });

const errorOf = (title: string, message: string): string =>
  written(() => {
    core.error(message, { title });
  });

/** The output of work on standard output. */
function written(work: () => void): string {
  const lines: string[] = [];
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    lines.push(String(chunk));
    return true;
  });
  try {
    work();
  } finally {
    write.mockRestore();
  }
  return lines.join('');
}
