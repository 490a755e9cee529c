import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { formatted } from '../../scripts/format.ts';
import { readDocuments } from '../reference/documents.ts';
import type { OpenApi, Operation, Schema } from '../reference/open-api.ts';
import { referencePage } from '../reference/page.ts';

const file = 'docs/reference/services.md';

test(`${file} is generated from the OpenAPI documents that the services serve`, async () => {
  const committed = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  expect(committed).toBe(await formatted(file, referencePage(await readDocuments())));
});

test('every operation has a summary, and every response a description', async () => {
  for (const [service, { paths }] of await readDocuments()) {
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { summary, responses }] of Object.entries(operations)) {
        const where = `${service}: ${method} ${path}`;
        expect({ where, summary }).toEqual({ where, summary: expect.any(String) });
        for (const { description } of Object.values(responses)) {
          expect({ where, description }).not.toEqual({ where, description: 'Default Response' });
        }
      }
    }
  }
});

describe('the page', () => {
  const health: Operation = { summary: 'Check it', responses: { 200: { description: 'It works.' } } };
  const item: Schema = {
    title: 'Item',
    properties: { id: { type: 'string', format: 'uuid' } },
    required: ['id'],
  };
  const json = (schema: Schema) => ({ content: { 'application/json': { schema } } });
  const items: OpenApi = {
    info: { title: 'Items' },
    paths: {
      '/health': { get: health },
      '/api/items/health': { get: health },
      '/api/items/{id}': {
        put: {
          summary: 'Store an item',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: 'a|b' } },
            {
              name: 'limit',
              in: 'query',
              required: true,
              schema: { type: 'integer', minimum: 1, default: 5 },
            },
          ],
          requestBody: json({
            properties: {
              lines: {
                type: 'array',
                maxItems: 2,
                items: { type: 'object', properties: { count: { type: 'integer' } } },
              },
            },
          }),
          responses: {
            200: { description: 'The item.', ...json(item) },
            409: { description: 'It exists.', ...json({ title: 'Problem' }) },
            '4XX': { description: 'Invalid.', ...json({ title: 'Problem' }) },
          },
        },
      },
    },
  };
  const others: OpenApi = { info: { title: 'Others' }, paths: { '/health': { get: health } } };
  const page = referencePage(new Map(Object.entries({ items, others })));

  test('describes an endpoint that every service has only once', () => {
    expect(page.match(/^### GET .*$/gm)).toEqual(['### GET /health']);
  });

  test('describes parameters, the request body and nested properties', () => {
    expect(page).toContain('| `id` | path | string, matches `a\\|b` | yes |  |');
    expect(page).toContain('| `limit` | query | integer, at least 1, default 5 |  |  |');
    expect(page).toContain('| `lines` | array of object, at most 2 items |  |  |');
    expect(page).toContain('| `lines[].count` | integer |  |  |');
  });

  test('lists the statuses of an operation, and the errors of all operations once', () => {
    expect(page).toContain('| 200 | The item. | [Item](#item) |');
    expect(page).toContain('| 409 | It exists. | [Problem](#problem) |');
    expect(page.match(/Invalid\./g)).toHaveLength(1);
  });

  test('describes the returned objects, and links every operation', () => {
    expect(page).toContain('### Item\n\n| Property | Type | Required | Meaning |');
    expect(page).toContain('[`PUT /api/items/{id}`](#put-apiitemsid)');
    expect(page).toContain('### PUT /api/items/{id}');
  });
});
