import { runProcess, withSecretFiles } from '@services/shared';
import { service, startUserService } from './service.ts';

await runProcess(service, async () => startUserService(await withSecretFiles(process.env)));
