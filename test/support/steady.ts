import { DescribeServicesCommand, type ECSClient } from '@aws-sdk/client-ecs';

/** Long enough for a sandbox that other tests slow down. */
const LIMIT_MS = 300_000;
const LOOK_EVERY_MS = 10;

/** Waits until a service has one deployment that is complete. */
export async function untilSteady(
  ecs: ECSClient,
  { cluster, service }: { cluster: string; service: string },
): Promise<void> {
  const command = new DescribeServicesCommand({ cluster, services: [service] });
  for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
    const [first, ...others] = (await ecs.send(command)).services?.[0]?.deployments ?? [];
    if (first?.rolloutState === 'COMPLETED' && others.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`${service} is not steady`);
}
