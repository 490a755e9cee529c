import { runProcess } from '@services/shared';
import { service, startUserService } from './service.ts';

await runProcess(service, () => startUserService(process.env));
