/** A message of the queue. */
export interface Message {
  body: string;
  receipt: string;
}

/** The SQS calls that the worker needs. */
export interface Queue {
  /** Polls for messages, up to 20 seconds. Throws if the signal is aborted. */
  receive: (signal: AbortSignal) => Promise<readonly Message[]>;
  remove: (receipt: string) => Promise<void>;
}

/** The dependencies of the worker. */
export interface Worker {
  queue: Queue;
  handle: (body: string) => Promise<void>;
  /** Called in every iteration, for the health check. */
  heartbeat: () => void;
  log: (message: string, more?: object) => void;
  /** Stops the worker. */
  signal: AbortSignal;
}

/**
 * Processes messages until the signal is aborted. A failed message stays in the queue, which delivers it again and
 * moves it to the dead-letter queue after several attempts.
 */
export async function work({ queue, handle, heartbeat, log, signal }: Worker): Promise<void> {
  while (!signal.aborted) {
    heartbeat();
    for (const { body, receipt } of await received(queue, signal)) {
      try {
        await handle(body);
        await queue.remove(receipt);
      } catch (error) {
        log('message failed', { error: String(error) });
      }
      heartbeat();
    }
  }
}

async function received(queue: Queue, signal: AbortSignal): Promise<readonly Message[]> {
  try {
    return await queue.receive(signal);
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}
