import { createSession } from '../../src/aws/session.ts';
import { runAction } from '../../src/core/action.ts';
import { InputError } from '../../src/core/errors.ts';
import { holdEnvironment, releaseEnvironment } from '../../src/delivery/promotion/holds.ts';
import { promote } from '../../src/delivery/promotion/promote.ts';
import type { PromotionResult } from '../../src/delivery/promotion/result.ts';
import { rollBackEnvironment } from '../../src/delivery/promotion/rollback.ts';
import { reportStatus } from '../../src/delivery/promotion/status.ts';
import { readManifest } from '../../src/environment/manifest/manifest.ts';
import { environmentUrl } from '../../src/environment/manifest/places.ts';
import { ownerAndName } from '../../src/github/client.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { presentPromotion } from '../../src/present/promotion.ts';
import { contract } from './contract.ts';
import {
  gitHubAccess,
  holdRequest,
  promotionRequest,
  rollbackRequest,
  type Run,
  statusRequest,
} from './request.ts';

await runAction({
  name: 'promote-environment',
  contract,
  async run(inputs, context, env) {
    if (inputs.to === undefined && inputs.command !== 'status') {
      throw new InputError('to', '', 'a value is required: the target environment');
    }
    const github = readGitHubContext(env);
    const { owner } = ownerAndName(github.repository);
    const workspace = env['GITHUB_WORKSPACE'] ?? process.cwd();
    const manifest = readManifest(inputs.manifest, workspace, context, owner);
    const open = (region: string, roleToAssume: string | undefined) =>
      createSession({ region, roleToAssume, context, env });
    const outcome = presentPromotion(await runCommand({ inputs, manifest, github, open, context, env }));
    const target = manifest.environments[inputs.to ?? ''];
    if (!target) return outcome;
    return { ...outcome, outputs: { ...outcome.outputs, url: environmentUrl(manifest, target) } };
  },
});

async function runCommand(run: Run): Promise<PromotionResult> {
  const { inputs, context } = run;
  switch (inputs.command) {
    case 'promote':
    case 'check':
      return await promote(context, promotionRequest(run), gitHubAccess(run));
    case 'rollback':
      return await rollBackEnvironment(context, rollbackRequest(run), gitHubAccess(run));
    case 'hold':
      return await holdEnvironment(holdRequest(run));
    case 'release-hold':
      return await releaseEnvironment(holdRequest(run));
    case 'status':
      return await reportStatus(context, statusRequest(run));
  }
}
