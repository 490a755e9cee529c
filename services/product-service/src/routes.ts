import { Page, PageQuery, Problem, ProblemSchema, pageOf } from '@services/shared';
import type { Server } from '@services/shared';
import { Type } from 'typebox';
import { NewProduct, Product, ProductChange, StockChange } from './product.ts';
import type { ProductStore } from './product-store.ts';

const ById = Type.Object({ id: Type.String({ format: 'uuid' }) });

export function addProductRoutes(app: Server, store: ProductStore): void {
  app.post(
    '/api/products',
    { schema: { body: NewProduct, response: { 201: Product, '4xx': ProblemSchema } } },
    async (request, reply) => {
      const product = await store.add(request.body);
      if (product === undefined) throw new Problem(409, `SKU ${request.body.sku} is already in use`);
      return reply.code(201).header('location', `/api/products/${product.id}`).send(product);
    },
  );

  app.get(
    '/api/products',
    { schema: { querystring: PageQuery, response: { 200: Page(Product) } } },
    async ({ query: { after, limit } }) => pageOf(await store.list(after, limit + 1), limit),
  );

  app.get(
    '/api/products/:id',
    { schema: { params: ById, response: { 200: Product, '4xx': ProblemSchema } } },
    async ({ params }) => (await store.find(params.id)) ?? noSuchProduct(params.id),
  );

  app.patch(
    '/api/products/:id',
    { schema: { params: ById, body: ProductChange, response: { 200: Product, '4xx': ProblemSchema } } },
    async ({ params, body }) => (await store.change(params.id, body)) ?? noSuchProduct(params.id),
  );

  app.post(
    '/api/products/:id/stock',
    { schema: { params: ById, body: StockChange, response: { 200: Product, '4xx': ProblemSchema } } },
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
