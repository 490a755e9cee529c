import { Problem, ProblemSchema } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewOrder, Order } from './order.ts';
import type { OrderDesk } from './order-desk.ts';
import type { OrderStore } from './order-store.ts';

const id = Type.String({ format: 'uuid' });
const ById = Type.Object({ id });
const ListQuery = Type.Object({ userId: id, limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) });
const PlaceHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
});

export function addRoutes(app: Server, desk: OrderDesk, store: OrderStore): void {
  app.post(
    '/api/orders',
    {
      schema: {
        headers: PlaceHeaders,
        body: NewOrder,
        response: { 200: Order, 201: Order, '4xx': ProblemSchema, '5xx': ProblemSchema },
      },
    },
    async (request, reply) => {
      const { order, created } = await desk.place(request.body, request.headers['idempotency-key']);
      return reply
        .code(created ? 201 : 200)
        .header('location', `/api/orders/${order.id}`)
        .send(order);
    },
  );

  app.get(
    '/api/orders',
    { schema: { querystring: ListQuery, response: { 200: Type.Object({ items: Type.Array(Order) }) } } },
    async ({ query: { userId, limit } }) => ({ items: await store.listOf(userId, limit) }),
  );

  app.get(
    '/api/orders/:id',
    { schema: { params: ById, response: { 200: Order, '4xx': ProblemSchema } } },
    async ({ params }) => {
      const order = await store.find(params.id);
      if (order === undefined) throw new Problem(404, `order ${params.id} not found`);
      return order;
    },
  );
}
