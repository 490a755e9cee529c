import { runProcess } from '@services/shared';
import { service, startProductService } from './service.ts';

await runProcess(service, () => startProductService(process.env));
