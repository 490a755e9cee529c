import { Page, PageQuery, Problem, created, pageOf, problems, success } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewUser, User, UserChange } from './user.ts';
import type { UserStore } from './user-store.ts';

const ById = Type.Object({ id: Type.String({ format: 'uuid' }) });
const ListQuery = Type.Object({
  ...PageQuery.properties,
  email: Type.Optional(
    Type.String({ format: 'email', description: 'Only the user with this address, ignoring case.' }),
  ),
});
const notFound = problems({ 404: 'The user does not exist.' });

export function addRoutes(app: Server, store: UserStore): void {
  app.post(
    '/api/users',
    {
      schema: {
        summary: 'Create a user',
        body: NewUser,
        response: {
          201: created('The new user.', User),
          ...problems({ 409: 'The email address is already in use.' }),
        },
      },
    },
    async (request, reply) => {
      const user = await store.add(request.body);
      if (user === undefined) throw new Problem(409, 'this email address is already in use');
      return reply.code(201).header('location', `/api/users/${user.id}`).send(user);
    },
  );

  app.get(
    '/api/users',
    {
      schema: {
        summary: 'List users',
        querystring: ListQuery,
        response: { 200: success('A page of users.', Page(User)), ...problems() },
      },
    },
    async (request) => {
      const { email, after, limit } = request.query;
      if (email === undefined) return pageOf(await store.list(after, limit + 1), limit);
      const user = await store.findByEmail(email);
      return { items: user === undefined ? [] : [user] };
    },
  );

  app.get(
    '/api/users/:id',
    {
      schema: {
        summary: 'Get a user',
        params: ById,
        response: { 200: success('The user.', User), ...notFound },
      },
    },
    async ({ params }) => (await store.find(params.id)) ?? noSuchUser(params.id),
  );

  app.patch(
    '/api/users/:id',
    {
      schema: {
        summary: 'Change a user',
        description: 'Properties that are not in the body keep their value.',
        params: ById,
        body: UserChange,
        response: { 200: success('The changed user.', User), ...notFound },
      },
    },
    async ({ params, body }) => (await store.change(params.id, body)) ?? noSuchUser(params.id),
  );
}

function noSuchUser(id: string): never {
  throw new Problem(404, `user ${id} not found`);
}
