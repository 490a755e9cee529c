import { runProcess } from '@services/shared';
import { service, startOrderService } from './service.ts';

await runProcess(service, () => startOrderService(process.env));
