import { runProcess, withSecretFiles } from '@services/shared';
import { service, startProductService } from './service.ts';

await runProcess(service, async () => startProductService(await withSecretFiles(process.env)));
