import { createHash } from 'node:crypto';

/** Publishers of images below `/aws/service`. */
const PUBLISHERS =
  /^\/aws\/service\/(?:ami-amazon-linux-latest|ami-windows-latest|ami-macos-latest|bottlerocket|canonical|cloud9|debian|ecs\/optimized-ami|eks\/optimized-ami|freebsd|marketplace|suse)\//;

/**
 * The value of a public parameter: the id of the latest image, which is the same for every call. Undefined for other
 * names.
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
 */
export function publicParameter(name: string): string | undefined {
  if (!PUBLISHERS.test(name)) return undefined;
  const image = `ami-0${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  return name.endsWith('/recommended') ? JSON.stringify({ image_id: image }) : image;
}
