import { Type } from 'typebox';
import type { Static } from 'typebox';

const Line = Type.Object({
  productId: Type.String({ format: 'uuid' }),
  quantity: Type.Integer({ minimum: 1, maximum: 1000 }),
});

/** Unknown properties are ignored: the caller may be a newer release. */
export const ReservationRequest = Type.Object({ lines: Type.Array(Line, { minItems: 1, maxItems: 50 }) });
export type ReservationRequest = Static<typeof ReservationRequest>;

export const Reservation = Type.Object(
  {
    orderId: Type.String({ format: 'uuid' }),
    status: Type.Enum(['reserved', 'released']),
    lines: Type.Array(
      Type.Object({
        productId: Type.String(),
        name: Type.String(),
        quantity: Type.Integer(),
        unitPriceCents: Type.Integer({ description: 'The price in cents at the time of the reservation.' }),
      }),
    ),
  },
  { title: 'Reservation' },
);
export type Reservation = Static<typeof Reservation>;
