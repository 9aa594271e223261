import { describe, expect, it } from '@jest/globals';
import { describeTransport, type TransportDriver } from '../../src/testing/describe-transport.js';
import { lineDriver } from './line-transport/line-client.js';
import { type Fault, lineTransport, MAX_BYTES } from './line-transport/line-transport.js';

/** Titles of the tests of the kit, of those that begin so, that a transport with this fault fails. */
async function failing(
  fault?: Fault,
  title = '',
  size?: TransportDriver['size'],
): Promise<readonly string[]> {
  const tests: (readonly [string, () => Promise<void>])[] = [];
  describeTransport({
    plugin: lineTransport(fault),
    config: {},
    oversizedBytes: MAX_BYTES + 1,
    client: size === undefined ? lineDriver : { ...lineDriver, size },
    patienceMs: fault ? 400 : 10_000,
    runner: {
      describe: (_name, body) => body(),
      it: (name, body) => void tests.push([name, body]),
    },
  });
  const failed: string[] = [];
  for (const [name, body] of tests)
    if (name.startsWith(title)) await body().catch(() => failed.push(name));
  return failed;
}

describe('the kit for transports', () => {
  it('finds nothing in a sound transport', async () => {
    expect(await failing()).toEqual([]);
  });

  it('has the gateway refuse what is too large where nobody before it does, and only there', async () => {
    const [title, size] = ['refuses a message that is too large', 'judged by the gateway'] as const;
    expect(await failing('has no limit', title, size)).toEqual([]);
    expect(await failing('acknowledges a refusal and forgets it', title, size)).not.toEqual([]);
    expect(await failing('has no limit', title)).not.toEqual([]);
  });

  it.each<[Fault, string]>([
    ['acknowledges before the commit', 'acknowledges when the gateway has committed'],
    [
      'acknowledges what is to be sent again',
      'never acknowledges a message when the gateway cannot keep it',
    ],
    ['acknowledges what failed', 'never acknowledges a message when the gateway fails with it'],
    ['acknowledges a refusal and forgets it', 'tells a refusal, or acknowledges and keeps it'],
    ['says nothing of a refusal', 'tells a refusal, or acknowledges and keeps it'],
    ['says nothing of a rejected reading', 'acknowledges a message whose reading was rejected'],
    ['answers the wrong sender', 'tells each sender its own answer'],
    ['writes the message anew', 'hands in the bytes as they came'],
    ['vouches for strangers', 'hands in the bytes as they came, and claims no more'],
    ['dies of garbage', 'lets what is not its protocol harm nobody else'],
    ['has no limit', 'refuses a message that is too large'],
    ['drops what is under way at stop', 'answers what is under way before it stops'],
    ['takes messages after stop', 'answers what is under way before it stops'],
    ['waits for silent devices at stop', 'does not wait for devices that are silent'],
    ['is ready for ever', 'is ready while it takes messages and not after'],
    ['stops only when started', 'opens nothing before it is started, and can be stopped then'],
    ['shares its state', 'runs beside another instance'],
    ['asks nobody who it is', 'lets nobody in with a credential that nobody knows'],
    ['trusts whom it knew once', 'takes nothing more from a caller that was revoked'],
    ['lets in whom it cannot ask about', 'lets nobody in while the host cannot be asked'],
    [
      'acknowledges answers before they are kept',
      'acknowledges an answer when it is kept, and not before',
    ],
    [
      'acknowledges answers that were not kept',
      'does not acknowledge an answer that could not be kept',
    ],
    ['sends commands to everybody', 'sends a command to the device it is for'],
    ['forgets a command it sent', 'sends a command to the device it is for, as often'],
    ['says sent whoever is there', 'says that a device is unreachable'],
    ['believes an answer', 'takes an answer as that of the device that gave it'],
    ['takes any configuration', 'refuses a key it does not know'],
  ])('sees a transport that %s', async (fault, title) => {
    expect(await failing(fault, title)).not.toEqual([]);
  });
});
