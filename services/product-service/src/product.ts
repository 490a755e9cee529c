import { Type } from 'typebox';
import type { Static } from 'typebox';

const PRICE = 'The price in cents.';
const STOCK = 'How many are available.';

const sku = Type.String({ pattern: '^[A-Z0-9][A-Z0-9-]{1,31}$', description: 'Unique; cannot be changed.' });
const name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const description = Type.String({ maxLength: 1000 });
const priceCents = Type.Integer({ minimum: 0, maximum: 99_999_999, description: PRICE });
const stock = Type.Integer({ minimum: 0, maximum: 1_000_000, description: STOCK });

export const Product = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    sku: Type.String(),
    name: Type.String(),
    description: Type.String(),
    priceCents: Type.Integer({ description: PRICE }),
    stock: Type.Integer({ description: STOCK }),
  },
  { title: 'Product' },
);
export type Product = Static<typeof Product>;

export const NewProduct = Type.Object(
  { sku, name, description: Type.Optional(description), priceCents, stock },
  { additionalProperties: false },
);
export type NewProduct = Static<typeof NewProduct>;

export const ProductChange = Type.Object(
  {
    name: Type.Optional(name),
    description: Type.Optional(description),
    priceCents: Type.Optional(priceCents),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type ProductChange = Static<typeof ProductChange>;

/** A relative change of a product's stock, so that concurrent changes are all applied. */
export const StockChange = Type.Object(
  {
    change: Type.Integer({
      minimum: -1_000_000,
      maximum: 1_000_000,
      description: 'How many to add. Negative: how many to remove.',
    }),
  },
  { additionalProperties: false },
);
