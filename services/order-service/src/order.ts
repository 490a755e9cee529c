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
      { minItems: 1, maxItems: 50 },
    ),
  },
  { additionalProperties: false },
);
export type NewOrder = Static<typeof NewOrder>;

/**
 * `pending`: stock is being reserved. `confirmed`: stock is reserved. `cancelling`: reserved stock is being released.
 * `cancelled`: no stock is reserved.
 */
export const OrderStatus = Type.Enum(['pending', 'confirmed', 'cancelling', 'cancelled']);

export const Order = Type.Object({
  id,
  userId: id,
  status: OrderStatus,
  createdAt: Type.String({ format: 'date-time' }),
  totalCents: Type.Optional(Type.Integer()),
  failureReason: Type.Optional(Type.String()),
  lines: Type.Array(
    Type.Object({
      productId: id,
      quantity: Type.Integer(),
      name: Type.Optional(Type.String()),
      unitPriceCents: Type.Optional(Type.Integer()),
    }),
  ),
});
export type Order = Static<typeof Order>;

/** Lines for the same product are merged: an order has one quantity for each product. */
export function mergeLines(lines: NewOrder['lines']): NewOrder['lines'] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}
