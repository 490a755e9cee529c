import { Type } from 'typebox';
import type { TSchema } from 'typebox';

/** `?limit=` and `?after=` of a list; `after` is the `next` of the previous page. */
export const PageQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The size of a page.' }),
  after: Type.Optional(Type.String({ format: 'uuid', description: '`next` of the previous page.' })),
});

export const Page = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Pass it as `after` for the next page. Absent on the last page.',
      }),
    ),
  });

/** A page from `limit + 1` rows: the extra row only shows that there is another page. */
export function pageOf<T extends { id: string }>(rows: T[], limit: number): { items: T[]; next?: string } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, next: last.id } : { items };
}
