import { Page, PageQuery, Problem, ProblemSchema, pageOf } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewUser, User, UserChange } from './user.ts';
import type { UserStore } from './user-store.ts';

const ById = Type.Object({ id: Type.String({ format: 'uuid' }) });
const ListQuery = Type.Object({
  ...PageQuery.properties,
  email: Type.Optional(Type.String({ format: 'email' })),
});

export function addRoutes(app: Server, store: UserStore): void {
  app.post(
    '/api/users',
    { schema: { body: NewUser, response: { 201: User, '4xx': ProblemSchema } } },
    async (request, reply) => {
      const user = await store.add(request.body);
      if (user === undefined) throw new Problem(409, 'this email address is already in use');
      return reply.code(201).header('location', `/api/users/${user.id}`).send(user);
    },
  );

  app.get(
    '/api/users',
    { schema: { querystring: ListQuery, response: { 200: Page(User) } } },
    async (request) => {
      const { email, after, limit } = request.query;
      if (email === undefined) return pageOf(await store.list(after, limit + 1), limit);
      const user = await store.findByEmail(email);
      return { items: user === undefined ? [] : [user] };
    },
  );

  app.get(
    '/api/users/:id',
    { schema: { params: ById, response: { 200: User, '4xx': ProblemSchema } } },
    async ({ params }) => (await store.find(params.id)) ?? noSuchUser(params.id),
  );

  app.patch(
    '/api/users/:id',
    { schema: { params: ById, body: UserChange, response: { 200: User, '4xx': ProblemSchema } } },
    async ({ params, body }) => (await store.change(params.id, body)) ?? noSuchUser(params.id),
  );
}

function noSuchUser(id: string): never {
  throw new Problem(404, `user ${id} not found`);
}
