import { ManifestError } from '../../src/environment/manifest/manifest.ts';
import { addService, NewServiceError } from './command.ts';

/**
 * `npm run new-service -- NAME`: creates a service with its image, tests and entry in platform.yml.
 *
 * npm runs scripts in the folder of package.json; INIT_CWD has the folder in which it was called.
 */
try {
  console.log(addService(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd()));
} catch (error) {
  if (!(error instanceof NewServiceError || error instanceof ManifestError)) throw error;
  console.error(`new-service: ${error.message}`);
  process.exitCode = 1;
}
