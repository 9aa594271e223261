import type { AnchorPorts, LedgerOperation } from '../../src/spi/index.js';
import { signal } from '../../src/testing/anchor-suite/suite-kit.js';
import { type AnchorSuiteOptions, describeAnchor } from '../../src/testing/describe-anchor.js';
import { type LocalLedgerWorld, localSuite } from './local-ledger-world.js';

type Books = Required<Pick<AnchorPorts, 'tokens' | 'certificates' | 'settlement'>>;

/** Names of the kit's tests that fail the local ledger once its ports are changed; those of ports stand last. */
async function failuresOf(change: (right: Books) => AnchorPorts): Promise<string[]> {
  const tests: { name: string; body: () => Promise<void> }[] = [];
  const options: AnchorSuiteOptions<LocalLedgerWorld> = {
    ...localSuite,
    create: (world, context) => {
      const anchor = localSuite.create(world, context);
      const ports = change(anchor.ports as Books);
      return new Proxy(anchor, {
        get: (target, name) => {
          if (name === 'ports') return ports;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    },
    runner: {
      describe: (_name, body) => body(),
      it: (name, body) => void tests.push({ name, body }),
    },
  };
  describeAnchor(options);
  const first = tests.findIndex(({ name }) => name.startsWith('mints once'));
  const failed: string[] = [];
  for (const { name, body } of tests.slice(first)) await body().catch(() => failed.push(name));
  return failed;
}

/** Another key each time: what an implementation does that keeps none. */
let asked = 0;
const forgetful = (key: string): string => `${key}/${(asked += 1)}`;
const done: LedgerOperation = { txId: '0x00', status: 'final', existing: false };

const cases: [what: string, change: (right: Books) => AnchorPorts, test: string][] = [
  [
    'mint again when asked again',
    (right) => ({
      ...right,
      tokens: {
        ...right.tokens,
        mint: (request) => right.tokens.mint({ ...request, key: forgetful(request.key) }, signal()),
      },
    }),
    'mints once for a key, however often, however many at a time and from whatever instance',
  ],
  [
    'take any request for a key that is done',
    (right) => ({
      ...right,
      tokens: {
        ...right.tokens,
        mint: (request) => right.tokens.mint(request, signal()).catch(() => done),
      },
    }),
    'refuses a key that stands for another request',
  ],
  [
    'look at a balance before they take it and not while',
    (right) => {
      const taken = new Map<string, bigint>();
      return {
        ...right,
        tokens: {
          ...right.tokens,
          balance: async (account) =>
            (await right.tokens.balance(account, signal())) + (taken.get(account) ?? 0n),
          transfer: async ({ key, from, to, energyUWh }) => {
            if ((await right.tokens.balance(from, signal())) < energyUWh)
              return right.tokens.transfer({ key, from, to, energyUWh }, signal());
            taken.set(from, (taken.get(from) ?? 0n) - energyUWh);
            taken.set(to, (taken.get(to) ?? 0n) + energyUWh);
            return done;
          },
        },
      };
    },
    'gives one balance to one of two that want it at a time',
  ],
  [
    'take nothing for something',
    (right) => ({
      ...right,
      tokens: {
        ...right.tokens,
        mint: async (request) =>
          request.energyUWh > 0n ? right.tokens.mint(request, signal()) : done,
      },
    }),
    'calls what no ledger could do invalid',
  ],
  [
    'say done when the ledger was not reached',
    (right) => ({
      ...right,
      tokens: {
        ...right.tokens,
        mint: (request) =>
          right.tokens
            .mint(request, signal())
            .catch((error: { reason?: string }) =>
              error.reason === 'unavailable' ? done : Promise.reject(error),
            ),
      },
    }),
    'does an operation once that the ledger could not be asked for at first',
  ],
  [
    'retire by giving away',
    (right) => ({
      ...right,
      certificates: {
        ...right.certificates,
        retire: (request) => right.certificates.transfer({ ...request, to: 'bin' }, signal()),
      },
    }),
    'retires a part for good and lets the rest move',
  ],
  [
    'make a certificate up when it is missing',
    (right) => ({
      ...right,
      certificates: { ...right.certificates, transfer: async () => done },
    }),
    'knows nothing of a certificate that was never issued',
  ],
  [
    'settle in two steps',
    (right) => ({
      ...right,
      settlement: {
        ...right.settlement,
        settle: async ({ tradeId, seller, buyer, energyUWh, payment }) => {
          await right.tokens.transfer(
            { key: tradeId, from: seller, to: buyer, energyUWh },
            signal(),
          );
          const trade = { tradeId: `${tradeId}/2`, seller: 'x', buyer, energyUWh, payment };
          return right.settlement.settle(trade, signal());
        },
      },
    }),
    'moves neither energy nor money when one of them is short',
  ],
];

describe('the conformance kit of the ports', () => {
  it('passes the ports that the wrong ones are made from', async () => {
    expect(await failuresOf((right) => right)).toEqual([]);
  });

  it.each(cases)('fails ports that %s', async (_what, change, test) => {
    expect(await failuresOf(change)).toContain(test);
  });
});
