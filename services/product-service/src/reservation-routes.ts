import { Problem, problems, requireToken, success } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { Reservation, ReservationRequest } from './reservation.ts';
import { NotReservableError } from './reservation-store.ts';
import type { Reservations } from './reservation-store.ts';

const ByOrder = Type.Object({
  orderId: Type.String({ format: 'uuid', description: 'The id of the order.' }),
});
const TOKEN = 'For order-service. Requires `Authorization: Bearer <SERVICE_TOKEN>` if the variable is set.';
const UNAUTHORISED = { 401: 'The service token is missing or wrong.' };

/** For order-service. Both calls are idempotent for an order. */
export function addReservationRoutes(app: Server, store: Reservations, token: string | undefined): void {
  const onRequest = requireToken(token);
  app.put(
    '/api/products/reservations/:orderId',
    {
      onRequest,
      schema: {
        summary: 'Reserve stock for an order',
        description: `${TOKEN} Reserves all lines or none. A repeated request returns the same reservation.`,
        params: ByOrder,
        body: ReservationRequest,
        response: {
          200: success('The reservation.', Reservation),
          ...problems({
            ...UNAUTHORISED,
            409: 'There is not enough stock (`reason`: `insufficient-stock`), or the order was released (`released`).',
            422: 'A product does not exist (`reason`: `unknown-product`).',
          }),
        },
      },
    },
    async ({ params, body }) => {
      const reservation = await reserve(store, params.orderId, body);
      if (reservation.status === 'released')
        throw new Problem(409, 'the order was released', { reason: 'released' });
      return reservation;
    },
  );

  app.delete(
    '/api/products/reservations/:orderId',
    {
      onRequest,
      schema: {
        summary: 'Release the stock of an order',
        description: `${TOKEN} Permanent: the order cannot be reserved again. Can be repeated.`,
        params: ByOrder,
        response: { 200: success('The reservation.', Reservation), ...problems(UNAUTHORISED) },
      },
    },
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
