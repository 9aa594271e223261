import type { AnchoringEngineOptions } from '../../src/anchoring/anchoring-engine.js';
import type { AnchorInstance } from '../../src/anchoring/index.js';
import { AnchorError, type Attempt, type Evidence } from '../../src/spi/index.js';
import type { BuildEngine } from '../../src/testing/anchor-suite/anchoring-run.js';
import { fakeSuite } from '../../src/testing/fake-ledger/index.js';
import { changed, engineOn, fails, resigned, type Suite, wrong } from './wrong-anchors.js';

const THROUGH = 'takes every commitment to final through the engine, once and with evidence';
const CUT = 'publishes each commitment at most once wherever the process is cut';
const TROUBLE =
  'publishes each commitment at most once whichever answer of the ledger fails, is lost or comes late';
const LEASE =
  'publishes each commitment at most once when a process goes on that has lost its lease';
const REORG =
  'calls nothing final that a reorganisation of less than the policy’s depth takes back';
const DEEP =
  'opens a final commitment again that a deeper reorganisation took, and sends the same bytes first';
const RESTORE =
  'pays for no commitment twice when the store comes from an older copy, and names the newest that is out';

const FLOOR =
  'follows a fee floor that rises while attempts wait, and publishes each commitment once';
const CAPPED =
  'waits as capped while the ledger asks more than an intent may cost, sends nothing dearer, and goes on when it asks less';
const DAY = 'signs within a day no more than a day may cost, and the rest when it is over';
const EXPIRY =
  'signs again what has expired while the process was away, only then, and the old bytes stay dead';

/** The one anchor of a run, changed. */
const anchors = (
  { anchors: given }: AnchoringEngineOptions,
  change: (right: AnchorInstance) => Partial<AnchorInstance>,
) => ({ anchors: new Map([...given].map(([id, right]) => [id, { ...right, ...change(right) }])) });

/** Progress in memory: what was stored before this process is as if it were not. */
const forgetful: BuildEngine = engineOn(({ store, ...given }) => {
  const offset = new Map<string, number>();
  const own = (attempts: readonly Attempt[], id: string): Attempt[] =>
    attempts
      .slice(offset.get(id) ?? 0)
      .map((attempt) => ({ ...attempt, number: attempt.number - (offset.get(id) ?? 0) }));
  const shifted = (id: string, number: number) => number + (offset.get(id) ?? 0);
  return {
    ...anchors({ store, ...given }, ({ anchor }) => ({
      anchor: changed(anchor, { findExisting: async () => undefined }),
    })),
    store: changed(store, {
      due: async (anchor, limit) =>
        (await store.due(anchor, limit)).map((intent) => {
          if (!offset.has(intent.id)) offset.set(intent.id, intent.attempts.length);
          return { ...intent, attempts: own(intent.attempts, intent.id) };
        }),
      putAttempt: (lease, attempt) =>
        store.putAttempt(lease, {
          ...attempt,
          number: shifted(attempt.intentId, attempt.number),
        }),
      moveAttempt: (lease, key, from, to, patch) =>
        store.moveAttempt(
          lease,
          { ...key, number: shifted(key.intentId, key.number) },
          from,
          to,
          patch,
        ),
    }),
  };
});

/** Sends first and writes down afterwards what it sent. */
const hasty: BuildEngine = engineOn((given) => {
  const late: (() => Promise<void>)[] = [];
  return {
    store: changed(given.store, {
      putAttempt: async (lease, attempt) =>
        void late.push(() => given.store.putAttempt(lease, attempt)),
      moveAttempt: async (...args) => {
        for (const put of late.splice(0)) await put();
        return given.store.moveAttempt(...args);
      },
    }),
  };
});

const engines: [what: string, build: BuildEngine, test: string, on: Suite][] = [
  ['sends before it stores', hasty, THROUGH, fakeSuite('ledger')],
  ['sends before it stores, and loses its lease in between', hasty, LEASE, fakeSuite('ledger')],
  [
    'sends other bytes than it stored',
    engineOn((given) =>
      anchors(given, ({ anchor }) => ({
        anchor: changed(anchor, {
          broadcast: (attempt, signal) =>
            anchor.broadcast({ ...attempt, ...resigned(attempt, { nonce: 1 }) }, signal),
        }),
      })),
    ),
    THROUGH,
    fakeSuite('ledger'),
  ],
  [
    'pays more than the cap of an intent',
    engineOn((given) =>
      anchors(given, ({ policy }) => ({ policy: { ...policy, maxFeePerIntent: undefined } })),
    ),
    DEEP,
    { ...fakeSuite('ledger'), policy: { maxFeePerIntent: 120n } },
  ],
  [
    'pays more in a day than the cap of a day',
    engineOn((given) =>
      anchors(given, ({ policy }) => ({ policy: { ...policy, maxFeePerDay: undefined } })),
    ),
    THROUGH,
    { ...fakeSuite('ledger'), policy: { maxFeePerDay: 200n } },
  ],
  [
    'knows no cap of an intent when the ledger asks more',
    engineOn((given) =>
      anchors(given, ({ policy }) => ({ policy: { ...policy, maxFeePerIntent: undefined } })),
    ),
    CAPPED,
    fakeSuite('ledger', false, ['child']),
  ],
  [
    'knows no cap of a day when the ledger asks more',
    engineOn((given) =>
      anchors(given, ({ policy }) => ({ policy: { ...policy, maxFeePerDay: undefined } })),
    ),
    DAY,
    fakeSuite('expiry'),
  ],
  [
    'makes nothing dearer that waits',
    engineOn((given) =>
      anchors(given, ({ capabilities }) => ({ capabilities: { ...capabilities, bump: [] } })),
    ),
    FLOOR,
    fakeSuite('ledger'),
  ],
  [
    'never takes bytes for expired',
    engineOn((given) =>
      anchors(given, ({ anchor }) => ({
        anchor: changed(anchor, {
          observe: async (attempts, signal) =>
            (await anchor.observe(attempts, signal)).map((seen) =>
              seen.status === 'expired' ? { ...seen, status: 'missing' } : seen,
            ),
        }),
      })),
    ),
    EXPIRY,
    fakeSuite('expiry'),
  ],
  [
    'calls final what lies one block less deep',
    engineOn((given) =>
      anchors(given, ({ policy }) => ({
        policy: { ...policy, finalityDepth: policy.finalityDepth - 1 },
      })),
    ),
    REORG,
    fakeSuite('ledger'),
  ],
  ['starts over after a crash, under a new key', forgetful, CUT, fakeSuite('expiry')],
  [
    'signs again before the expiry is proven',
    engineOn((given) =>
      anchors(given, ({ anchor }) => ({
        anchor: changed(anchor, {
          observe: async (attempts, signal) =>
            (await anchor.observe(attempts, signal)).map((seen) =>
              seen.status === 'missing' ? { ...seen, status: 'expired' } : seen,
            ),
          findExisting: async () => undefined,
        }),
      })),
    ),
    TROUBLE,
    fakeSuite('expiry'),
  ],
  [
    'signs anew what a reorganisation took',
    engineOn((given) =>
      anchors(given, ({ anchor }) => ({
        anchor: changed(anchor, {
          observe: async (attempts, signal) =>
            (await anchor.observe(attempts, signal)).map((seen) =>
              seen.status === 'missing' ? { ...seen, status: 'expired' } : seen,
            ),
        }),
      })),
    ),
    DEEP,
    fakeSuite('ledger'),
  ],
];

const anchorsOf: [what: string, options: Suite, test: string][] = [
  [
    'that takes blocks to lie deeper than they do',
    wrong((right) => ({
      observe: async (attempts, signal) =>
        (await right.observe(attempts, signal)).map((seen) =>
          seen.inclusion
            ? { ...seen, inclusion: { ...seen.inclusion, depth: seen.inclusion.depth + 1 } }
            : seen,
        ),
    })),
    REORG,
  ],
  [
    'whose evidence names the block that it first saw',
    wrong((right) => {
      const first = new Map<string, Evidence>();
      return {
        evidence: async (intent, attempt, signal) => {
          const evidence = first.get(intent.id) ?? (await right.evidence(intent, attempt, signal));
          first.set(intent.id, evidence);
          return evidence;
        },
      };
    }),
    REORG,
  ],
  [
    'that takes a node that is down for one that holds nothing any more',
    wrong(
      (right) => ({
        findExisting: async () => undefined,
        observe: (attempts, signal) =>
          right
            .observe(attempts, signal)
            .catch(() => attempts.map(({ txId }) => ({ txId, status: 'expired' as const }))),
      }),
      'expiry',
    ),
    TROUBLE,
  ],
  [
    'that asks the same fee whatever the ledger asks',
    wrong((right) => ({
      prepare: async (intent, prior, options) => {
        const { fee, payload, conflictKey } = await right.prepare(intent, prior, options);
        const same = { ...fee, amount: 100n };
        return { conflictKey, fee: same, payload: { ...payload, fee: '100' } };
      },
    })),
    FLOOR,
  ],
  [
    'that calls a commitment invalid for which it may not pay enough',
    wrong((right) => ({
      prepare: (intent, prior, options) =>
        right.prepare(intent, prior, options).catch((error: Error) => {
          throw new AnchorError('invalid', error.message);
        }),
    })),
    CAPPED,
  ],
  [
    'that never finds what it published',
    wrong(() => ({ findExisting: async () => undefined })),
    RESTORE,
  ],
  [
    'that finds what another intent published',
    wrong((right, ledger) => ({
      findExisting: async (intent, signal) => {
        const [bytes] = await ledger.find(({ intent: id }) => id !== intent.id);
        const found = await right.findExisting?.(intent, signal);
        return found && bytes ? { ...found, ...resigned({ ...found, signed: bytes }, {}) } : found;
      },
    })),
    RESTORE,
  ],
  [
    'that names an older checkpoint as the newest',
    wrong((right) => ({
      latest: async (origin, signal) => {
        const newest = await right.latest?.(origin, signal);
        return newest && { ...newest, size: newest.size - 1n };
      },
    })),
    RESTORE,
  ],
  [
    'that signs and sends something new when it is asked to send again',
    wrong((right, ledger) => {
      const sent = new Set<string>();
      return {
        broadcast: async (attempt, signal) => {
          if (sent.has(attempt.txId))
            return ledger.submit(
              resigned(attempt, { conflictKey: `again/${attempt.txId}` }).signed,
            );
          sent.add(attempt.txId);
          return right.broadcast(attempt, signal);
        },
      };
    }),
    TROUBLE,
  ],
];

describe('the anchor conformance kit', () => {
  it.each(engines)('fails an engine that %s', async (_what, build, test, suite) => {
    expect(await fails(test, suite, { points: 25 })).toBe(false);
    expect(await fails(test, suite, { points: 25, build })).toBe(true);
  });

  it.each(anchorsOf)('fails an anchor %s', async (_what, options, test) => {
    expect(await fails(test, options, { points: 25 })).toBe(true);
  });
});
