import { Problem, created, problems, success } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewOrder, Order } from './order.ts';
import type { OrderProcessor } from './order-processor.ts';
import type { OrderStore } from './order-store.ts';

const id = Type.String({ format: 'uuid' });
const ById = Type.Object({ id });
const ListQuery = Type.Object({
  userId: id,
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many orders at most.' }),
});
const PlaceHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description:
        'Chosen by the caller, per user. A repeated request with the same key returns the same order.',
    }),
  ),
});

export function addRoutes(app: Server, processor: OrderProcessor, store: OrderStore): void {
  app.post(
    '/api/orders',
    {
      schema: {
        summary: 'Place an order',
        description: 'Reserves the stock. Without an `Idempotency-Key`, every request creates a new order.',
        headers: PlaceHeaders,
        body: NewOrder,
        response: {
          200: created('The order of an earlier request with the same `Idempotency-Key`.', Order),
          201: created('The new order, confirmed.', Order),
          ...problems({
            409: 'There is not enough stock, or the order was cancelled. `orderId` and `productId` name them.',
            422: 'The user or a product does not exist, the user is suspended, or the `Idempotency-Key` was used for another order.',
          }),
        },
      },
    },
    async (request, reply) => {
      const { order, created } = await processor.place(request.body, request.headers['idempotency-key']);
      return reply
        .code(created ? 201 : 200)
        .header('location', `/api/orders/${order.id}`)
        .send(order);
    },
  );

  app.get(
    '/api/orders',
    {
      schema: {
        summary: 'List the orders of a user',
        querystring: ListQuery,
        response: {
          200: success('The latest orders, newest first.', Type.Object({ items: Type.Array(Order) })),
          ...problems(),
        },
      },
    },
    async ({ query: { userId, limit } }) => ({ items: await store.listOf(userId, limit) }),
  );

  app.get(
    '/api/orders/:id',
    {
      schema: {
        summary: 'Get an order',
        params: ById,
        response: { 200: success('The order.', Order), ...problems({ 404: 'The order does not exist.' }) },
      },
    },
    async ({ params }) => {
      const order = await store.find(params.id);
      if (order === undefined) throw new Problem(404, `order ${params.id} not found`);
      return order;
    },
  );
}
