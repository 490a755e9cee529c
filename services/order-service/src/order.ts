import { Type } from 'typebox';
import type { Static } from 'typebox';

const id = Type.String({ format: 'uuid' });

export const NewOrder = Type.Object(
  {
    userId: id,
    lines: Type.Array(
      Type.Object(
        { productId: id, quantity: Type.Integer({ minimum: 1, maximum: 1000 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 50, description: 'Lines of the same product are merged.' },
    ),
  },
  { additionalProperties: false },
);
export type NewOrder = Static<typeof NewOrder>;

export const OrderStatus = Type.Enum(['pending', 'confirmed', 'cancelling', 'cancelled'], {
  description:
    '`pending`: stock is being reserved. `confirmed`: stock is reserved. `cancelling`: reserved stock is being released. `cancelled`: no stock is reserved.',
});

export const Order = Type.Object(
  {
    id,
    userId: id,
    status: OrderStatus,
    createdAt: Type.String({ format: 'date-time' }),
    totalCents: Type.Optional(Type.Integer({ description: 'The total in cents, once confirmed.' })),
    failureReason: Type.Optional(Type.String({ description: 'Why the order was cancelled.' })),
    lines: Type.Array(
      Type.Object({
        productId: id,
        quantity: Type.Integer(),
        name: Type.Optional(Type.String({ description: 'Once confirmed.' })),
        unitPriceCents: Type.Optional(Type.Integer({ description: 'The price in cents, once confirmed.' })),
      }),
    ),
  },
  { title: 'Order' },
);
export type Order = Static<typeof Order>;

/** Lines for the same product are merged: an order has one quantity for each product. */
export function mergeLines(lines: NewOrder['lines']): NewOrder['lines'] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}
