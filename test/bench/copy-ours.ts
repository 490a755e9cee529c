import { ECRClient } from '@aws-sdk/client-ecr';
import { copyImage } from '../../src/images/registry/copy/copy-image.ts';
import type { ImageRepository } from '../../src/images/registry/repository.ts';
import { systemClock } from '../../src/core/clock.ts';
import { recordingLog } from '../unit/core/fakes.ts';

/** The input of the process, in the variable COPY. */
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

function placeOf({ name, uri, ...access }: OrderedPlace): ImageRepository {
  return { name, uri, client: new ECRClient(access) };
}

const { source, target, digest } = JSON.parse(process.env['COPY'] ?? '') as CopyOrder;
const { log } = recordingLog();
const context = { clock: systemClock, signal: new AbortController().signal, log };
await copyImage(placeOf(source), placeOf(target), digest, context);
