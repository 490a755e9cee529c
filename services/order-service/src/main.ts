import { runProcess, withSecretFiles } from '@services/shared';
import { service, startOrderService } from './service.ts';

await runProcess(service, async () => startOrderService(await withSecretFiles(process.env)));
