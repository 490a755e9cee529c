import { appendFile } from 'node:fs/promises';

/** Tells GitHub which image the job has made, where it asks for that: a line in the file `GITHUB_ARTIFACTS`. */
export async function announceArtifact(image: string, env: NodeJS.ProcessEnv): Promise<void> {
  const file = env['GITHUB_ARTIFACTS'];
  if (file !== undefined && file !== '') await appendFile(file, `oci://${image}\n`);
}
