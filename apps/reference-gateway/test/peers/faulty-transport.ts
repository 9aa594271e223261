import { defineTransport, type Ingest, type Plugin } from '@wattproof/core/spi';
import {
  ACCEPTED_ITEM,
  describeTransport,
  type TransportSuiteOptions,
} from '@wattproof/core/testing';

/** Programs that are started for one test on a busy machine are slow, not wrong. */
export const HUNG_MS = 60_000;

const ACCEPTED = { kind: 'items', items: [ACCEPTED_ITEM] } as const;

/** What each does wrong, and where the kit sees it. */
const FAULTS: Readonly<Record<string, readonly [seenBy: string, fault: (to: Ingest) => Ingest]>> = {
  'acknowledges before the commit': [
    'acknowledges when the gateway has committed, and not before',
    (to) => ({
      async accept(message) {
        to.accept(message).catch(() => {});
        return ACCEPTED;
      },
    }),
  ],
  'acknowledges a refusal and says nothing of it': [
    'tells a refusal, or acknowledges and keeps it with the reason',
    (to) => ({
      async accept(message, signal) {
        const answer = await to.accept(message, signal);
        return answer.kind === 'refused' ? ACCEPTED : answer;
      },
    }),
  ],
};

/** The transport with that fault, through the same peer: the kit has to see it there, too. */
export function theKitSees(options: TransportSuiteOptions): void {
  for (const [what, [title, fault]] of Object.entries(FAULTS))
    it(`the kit sees a transport that ${what}`, async () => {
      let found: (() => Promise<void>) | undefined;
      describeTransport({
        ...options,
        plugin: faulty(options.plugin, fault),
        runner: {
          describe: (_name, body) => body(),
          it: (name, body) => void (name === title && (found = body)),
        },
      });
      await expect(found!()).rejects.toThrow(
        /told something before the commit|no dead letter says/,
      );
    });
}

function faulty(
  { name, config, capabilities, create }: Plugin<'transport'>,
  fault: (to: Ingest) => Ingest,
): Plugin<'transport'> {
  return defineTransport({
    name,
    config,
    capabilities,
    create(parsed, context) {
      const sound = create(parsed, context);
      return {
        start: (ingest) => sound.start(fault(ingest)),
        stop: () => sound.stop(),
        health: () => sound.health(),
        ...(sound.commands === undefined ? {} : { commands: sound.commands }),
      };
    },
  });
}
