import { ECRClient } from '@aws-sdk/client-ecr';
import { copyImage } from '../../src/ecr/copy.ts';
import type { ImagePlace } from '../../src/ecr/copy-place.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createLog } from '../../src/runtime/log.ts';

/** What the process is told, by the variable COPY. */
export interface CopyOrder {
  digest: string;
  source: OrderedPlace;
  target: OrderedPlace;
}

interface OrderedPlace {
  name: string;
  uri: string;
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

function placeOf({ name, uri, ...access }: OrderedPlace): ImagePlace {
  return { name, uri, client: new ECRClient(access) };
}

const { source, target, digest } = JSON.parse(process.env['COPY'] ?? '') as CopyOrder;
const log = createLog(() => undefined);
const context = { clock: systemClock, signal: new AbortController().signal, log };
await copyImage(placeOf(source), placeOf(target), digest, context);
