import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from './worker.ts';

/** The queue with this URL, with the region and credentials of the task. */
export function openQueue(address: string | undefined): Queue {
  if (!address) throw new Error('QUEUE_URL: expected the URL of an SQS queue, got none');
  const client = new SQSClient({});
  return {
    async receive(signal) {
      const command = new ReceiveMessageCommand({ QueueUrl: address, WaitTimeSeconds: 20 });
      const { Messages = [] } = await client.send(command, { abortSignal: signal });
      return Messages.map(({ Body = '', ReceiptHandle = '' }) => ({ body: Body, receipt: ReceiptHandle }));
    },
    async remove(receipt) {
      await client.send(new DeleteMessageCommand({ QueueUrl: address, ReceiptHandle: receipt }));
    },
  };
}
