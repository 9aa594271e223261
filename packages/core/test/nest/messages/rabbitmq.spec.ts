import { describe, expect, it } from '@jest/globals';
import { RabbitmqIngestServer } from '../../../src/nest/messages/servers/rabbitmq.js';

const ENDED = new Error('Channel ended, no reply will be forthcoming');
const REFUSED = Object.assign(new Error('Operation failed: 406'), { code: 406 });

/** Sets up a channel of which one call fails; whether the consumer is said to be there. */
async function setUp(failing: 'assertQueue' | 'prefetch' | 'consume' | undefined, error = ENDED) {
  const server = new RabbitmqIngestServer({ queue: 'readings', consumerTag: 'gateway' }, 1000);
  const call = (name: string) => () =>
    name === failing ? Promise.reject(error) : Promise.resolve({ queue: 'readings' });
  const channel = {
    once: () => undefined,
    cancel: call('cancel'),
    assertQueue: call('assertQueue'),
    prefetch: call('prefetch'),
    consume: call('consume'),
  };
  let said = false;
  await server.setupChannel(channel, () => (said = true));
  return said;
}

describe('The RabbitMQ server, on a channel that is set up,', () => {
  it('says that it listens when the broker has taken its consumer', async () => {
    expect(await setUp(undefined)).toBe(true);
  });

  it.each(['assertQueue', 'prefetch', 'consume'] as const)(
    'leaves a broker that dies during %s to the next connection, and does not end the process',
    async (call) => {
      expect(await setUp(call)).toBe(false);
    },
  );

  it.each(['assertQueue', 'consume'] as const)(
    'passes on what the broker refused in %s',
    async (call) => {
      await expect(setUp(call, REFUSED)).rejects.toBe(REFUSED);
    },
  );
});
