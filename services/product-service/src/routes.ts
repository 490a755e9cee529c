import { Page, PageQuery, Problem, created, pageOf, problems, success } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewProduct, Product, ProductChange, StockChange } from './product.ts';
import type { ProductStore } from './product-store.ts';

const ById = Type.Object({ id: Type.String({ format: 'uuid' }) });
const NOT_FOUND = { 404: 'The product does not exist.' };

export function addProductRoutes(app: Server, store: ProductStore): void {
  app.post(
    '/api/products',
    {
      schema: {
        summary: 'Create a product',
        body: NewProduct,
        response: {
          201: created('The new product.', Product),
          ...problems({ 409: 'The SKU is already in use.' }),
        },
      },
    },
    async (request, reply) => {
      const product = await store.add(request.body);
      if (product === undefined) throw new Problem(409, `SKU ${request.body.sku} is already in use`);
      return reply.code(201).header('location', `/api/products/${product.id}`).send(product);
    },
  );

  app.get(
    '/api/products',
    {
      schema: {
        summary: 'List products',
        querystring: PageQuery,
        response: { 200: success('A page of products.', Page(Product)), ...problems() },
      },
    },
    async ({ query: { after, limit } }) => pageOf(await store.list(after, limit + 1), limit),
  );

  app.get(
    '/api/products/:id',
    {
      schema: {
        summary: 'Get a product',
        params: ById,
        response: { 200: success('The product.', Product), ...problems(NOT_FOUND) },
      },
    },
    async ({ params }) => (await store.find(params.id)) ?? noSuchProduct(params.id),
  );

  app.patch(
    '/api/products/:id',
    {
      schema: {
        summary: 'Change a product',
        description: 'Properties that are not in the body keep their value.',
        params: ById,
        body: ProductChange,
        response: { 200: success('The changed product.', Product), ...problems(NOT_FOUND) },
      },
    },
    async ({ params, body }) => (await store.change(params.id, body)) ?? noSuchProduct(params.id),
  );

  app.post(
    '/api/products/:id/stock',
    {
      schema: {
        summary: 'Change the stock of a product',
        description:
          'The change is relative, so that concurrent changes are all applied. It is not idempotent.',
        params: ById,
        body: StockChange,
        response: {
          200: success('The changed product.', Product),
          ...problems({ ...NOT_FOUND, 409: 'There is not enough stock.' }),
        },
      },
    },
    async ({ params, body }) => {
      const product = await store.changeStock(params.id, body.change);
      if (product === 'refused') throw new Problem(409, 'there is not enough stock');
      return product ?? noSuchProduct(params.id);
    },
  );
}

function noSuchProduct(id: string): never {
  throw new Problem(404, `product ${id} not found`);
}
