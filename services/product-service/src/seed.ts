import { Database, createLog, withSecretFiles } from '@services/shared';
import { readDatabaseConfig } from '@services/shared/database-config';
import { productStore } from './product-store.ts';
import { service } from './service.ts';

/** `node dist/seed.js`: creates products in a new environment. Existing products are not changed. */
const samples = [
  {
    sku: 'MUG-01',
    name: 'Enamel mug',
    description: 'Holds 350 ml and survives a fall.',
    priceCents: 1450,
    stock: 40,
  },
  {
    sku: 'BAG-01',
    name: 'Canvas bag',
    description: 'Carries a laptop and the shopping.',
    priceCents: 2900,
    stock: 25,
  },
  {
    sku: 'PEN-01',
    name: 'Brass pen',
    description: 'Refillable, and better with age.',
    priceCents: 3800,
    stock: 12,
  },
  {
    sku: 'CAP-01',
    name: 'Wool cap',
    description: 'Knitted in one piece, no seam.',
    priceCents: 2200,
    stock: 18,
  },
  {
    sku: 'KEY-01',
    name: 'Key ring',
    description: 'One turn opens it, nothing else does.',
    priceCents: 950,
    stock: 3,
  },
  {
    sku: 'MAP-01',
    name: 'City map',
    description: 'The last copy of the first print.',
    priceCents: 6400,
    stock: 1,
  },
];

const log = createLog(service);
const database = new Database(await readDatabaseConfig(await withSecretFiles(process.env)), {
  application: 'seed',
  log,
});
try {
  const store = productStore(database.query);
  const added = await Promise.all(samples.map((sample) => store.add(sample)));
  log.info({ added: added.filter((product) => product !== undefined).length }, 'seeded');
} finally {
  await database.close();
}
