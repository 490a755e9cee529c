import { createHash } from 'node:crypto';

/** A text with the same ids, URLs, paths and times in every run, so that a page of the documentation can show it. */
export function stableText(text: string): string {
  const stable = text
    .replaceAll(/\/tmp\/[\w./-]+/g, '/home/runner/work/shop')
    .replaceAll(/127\.0\.0\.1:\d+\/111111111111\/eu-west-1/g, '111111111111.dkr.ecr.eu-west-1.amazonaws.com')
    .replaceAll(/127\.0\.0\.1:\d+(?=\/org|[:\s])/g, 'registry.example.com')
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+\/github/g, 'https://github.com')
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '2c6f9d5e-8a41-4b7c-9e0d-5f3a1b2c4d6e')
    .replaceAll(/(?<=-)(?=[a-z0-9]*[A-Z][a-z0-9]*[A-Z])[A-Za-z0-9]{12}\b/g, '1KX8ZQ4V7TB2')
    .replaceAll(/\b(?=\w*[A-Z])(?=\w*[a-z])(?=\w*\d)\w{21}\b/g, 'V1StGXR8Z5jdHi6BmyT2k')
    .replaceAll(/\bin (?:<1s|\d+s|\d+m \d+s)(?=[:.])/g, 'in 2m 10s')
    .replaceAll(/\bplan-1001-1-[0-9a-f]{8}\b/g, 'plan-1001-1-3f8a2b6c')
    .replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, '2026-11-27T08:00:00Z');
  const found = stable.match(/\b(?:[0-9a-f]{64}|[0-9a-f]{32}|(?<=sha256:)[0-9a-f]{12})\b/g) ?? [];
  return [...new Set(found)].reduce(
    (shown, hash, index) =>
      shown.replaceAll(hash, createHash('sha256').update(`${index}`).digest('hex').slice(0, hash.length)),
    stable,
  );
}
