import { Problem, ProblemSchema, requireToken } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { Reservation, ReservationRequest } from './reservation.ts';
import { NotReservableError } from './reservation-store.ts';
import type { Reservations } from './reservation-store.ts';

const ByOrder = Type.Object({ orderId: Type.String({ format: 'uuid' }) });

/** For order-service. Both calls are idempotent for an order. */
export function addReservationRoutes(app: Server, store: Reservations, token: string | undefined): void {
  const onRequest = requireToken(token);
  const response = { 200: Reservation, '4xx': ProblemSchema };

  app.put(
    '/api/products/reservations/:orderId',
    { onRequest, schema: { params: ByOrder, body: ReservationRequest, response } },
    async ({ params, body }) => {
      const reservation = await reserve(store, params.orderId, body);
      if (reservation.status === 'released')
        throw new Problem(409, 'the order was released', { reason: 'released' });
      return reservation;
    },
  );

  app.delete(
    '/api/products/reservations/:orderId',
    { onRequest, schema: { params: ByOrder, response } },
    ({ params }) => store.release(params.orderId),
  );
}

async function reserve(store: Reservations, orderId: string, { lines }: ReservationRequest) {
  try {
    return await store.reserve(orderId, lines);
  } catch (error) {
    if (!(error instanceof NotReservableError)) throw error;
    const { reason, productId } = error;
    if (reason === 'unknown-product')
      throw new Problem(422, `product ${productId} not found`, { reason, productId });
    throw new Problem(409, `not enough stock of product ${productId}`, { reason, productId });
  }
}
