/** A message of the queue. */
export interface Message {
  body: string;
  receipt: string;
}

/** What the worker needs of SQS. */
export interface Queue {
  /** Waits for messages, up to 20 seconds. Throws when the signal is aborted. */
  receive: (signal: AbortSignal) => Promise<readonly Message[]>;
  remove: (receipt: string) => Promise<void>;
}

/** What the worker works with. */
export interface Worker {
  queue: Queue;
  handle: (body: string) => Promise<void>;
  /** Called in every round, for the health check. */
  heartbeat: () => void;
  log: (message: string, more?: object) => void;
  /** Ends the work. */
  signal: AbortSignal;
}

/**
 * Processes messages until the signal is aborted. A message that fails stays in the queue, which delivers it again, and
 * puts it aside after some attempts.
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
