import { ManifestError } from '../../src/environment/manifest/manifest.ts';
import { runImport } from './command.ts';
import { ImportError } from './error.ts';

/**
 * `npm run import`: an entry for platform.yml from a Copilot manifest, an ecspresso configuration or a task
 * definition. Without `--out`, the files are printed. The report always comes last.
 */
try {
  const args = process.argv.slice(2);
  const { files, report } = runImport(args, process.env);
  if (!args.some((arg) => arg === '--out' || arg.startsWith('--out='))) {
    for (const [file, text] of Object.entries(files)) console.log(`# ${file}\n${text}`);
  }
  console.log(report);
} catch (error) {
  if (!(error instanceof ImportError || error instanceof ManifestError)) throw error;
  console.error(`import: ${error.message}`);
  process.exitCode = 1;
}
