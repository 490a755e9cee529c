import { fileURLToPath } from 'node:url';
import { migrateCommand } from '@services/shared';
import { migrations, schema, service } from './service.ts';

await migrateCommand({
  service,
  schema,
  folder: fileURLToPath(migrations),
  env: process.env,
  command: process.argv[2],
});
