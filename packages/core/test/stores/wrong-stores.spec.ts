import assert from 'node:assert/strict';
import { LogState } from '../../src/stores/memory/log-state.js';
import { MemoryBatches } from '../../src/stores/memory/batches.js';
import { MemoryIngest } from '../../src/stores/memory/ingest.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { MemoryOutbox } from '../../src/stores/memory/outbox.js';
import { MemoryEntries } from '../../src/stores/memory/entries.js';
import { Transactions } from '../../src/stores/memory/transactions.js';
import type { Store } from '../../src/stores/store.js';
import { describeStore, type TestRunner } from '../../src/testing/describe-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { unjournaled } from '../../src/testing/unjournaled.js';

/** Titles of the tests, among those asked for, that fail against a store. */
async function failuresOf(
  damage: (store: Store) => Partial<Store>,
  asked = /./,
): Promise<readonly string[]> {
  const clock = new FakeClock();
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  const afterwards: (() => Promise<void>)[] = [];
  const runner: TestRunner = {
    describe: (_, body) => body(),
    it: (name, body) => tests.push({ name, body }),
    afterAll: (body) => afterwards.push(body),
  };
  describeStore({
    name: 'a damaged store',
    open: async () => {
      const store = openMemoryStore({ clock });
      return { ...store, ...damage(store) };
    },
    elapse: (ms) => clock.advance(ms),
    runner,
  });
  const failed: string[] = [];
  const chosen = tests.filter(({ name }) => asked.test(name));
  assert.ok(chosen.length > 0, `the kit has no test like ${asked}`);
  for (const { name, body } of chosen) {
    try {
      await body();
    } catch {
      failed.push(name);
    }
  }
  for (const body of afterwards) await body();
  return failed;
}

/** A store like the memory store whose log state is damaged in one place. */
function withLog(damage: (log: LogState) => void): Partial<Store> {
  const log = new LogState();
  damage(log);
  const transactions = new Transactions();
  const outbox = new MemoryOutbox();
  const batches = new MemoryBatches(log, outbox, transactions);
  return {
    ingest: new MemoryIngest(log, outbox, transactions),
    entries: new MemoryEntries(log, (number) => batches.allEntryIds(number)),
    batches,
    outbox,
  };
}

async function finds(damage: (store: Store) => Partial<Store>, expected: RegExp): Promise<void> {
  const failed = await failuresOf(damage, expected);
  assert.ok(failed.length > 0, `the damaged store passed ${expected}`);
}

describe('the store kit', () => {
  it('finds nothing wrong with a right store', async () => {
    assert.deepEqual(await failuresOf(() => ({})), []);
  });

  it('fails a store that forgets which bytes it has', async () => {
    await finds(
      () =>
        withLog((log) => {
          log.byHash.get = () => undefined;
        }),
      /same bytes sent many times/,
    );
  });

  it('fails a store that forgets which intervals are occupied', async () => {
    await finds(
      () =>
        withLog((log) => {
          log.occupied.get = () => undefined;
        }),
      /overlaps another of the same register/,
    );
  });

  it('fails a store that forgets sequence numbers', async () => {
    await finds(
      () =>
        withLog((log) => {
          log.sequences.get = () => undefined;
        }),
      /both readings of one sequence number/,
    );
  });

  it('fails a store that now and then seals an entry twice', async () => {
    await finds(
      () =>
        withLog((log) => {
          let deletions = 0;
          const forget = log.unsealed.delete.bind(log.unsealed);
          log.unsealed.delete = (id) => (deletions += 1) % 50 !== 0 && forget(id);
        }),
      /exactly once under concurrent writers/,
    );
  });

  it('fails a store that now and then never seals an entry', async () => {
    await finds(
      () =>
        withLog((log) => {
          let additions = 0;
          const keep = log.unsealed.add.bind(log.unsealed);
          log.unsealed.add = (id) => ((additions += 1) % 50 === 0 ? log.unsealed : keep(id));
        }),
      /exactly once under concurrent writers/,
    );
  });

  it('fails a store that keeps a group whose receipts failed', async () => {
    await finds(
      ({ ingest }) => ({
        ingest: {
          commit: async (rows, issue) => {
            let failure: unknown;
            const answers = await ingest.commit(rows, async (given) => {
              try {
                return await issue(given);
              } catch (error) {
                failure = error;
                const leaves = given.map(() => new Uint8Array(32));
                const [root, signature] = [new Uint8Array(32), new Uint8Array(64)];
                return { committedAtMs: 1, includeByMs: 2, keyId: '', signature, root, leaves };
              }
            });
            if (failure !== undefined) throw failure;
            return answers;
          },
        },
      }),
      /leaves nothing of a group whose receipts/,
    );
  });

  it('fails a store that makes a new receipt instead of giving back the stored one', async () => {
    await finds(({ entries }) => {
      const wrong = Object.create(entries) as Store['entries'];
      wrong.receipt = async (id) => {
        const receipt = await entries.receipt(id);
        return receipt && { ...receipt, committedAtMs: receipt.committedAtMs + 1 };
      };
      return { entries: wrong };
    }, /byte for byte/);
  });

  it('fails a store that replaces a checkpoint', async () => {
    await finds(({ batches }) => {
      const wrong = Object.create(batches) as Store['batches'];
      wrong.putCheckpoint = (number, note) => batches.putCheckpoint(number, note).catch(() => {});
      return { batches: wrong };
    }, /refuses a different one/);
  });

  it('fails a store that lends one lease to two holders', async () => {
    await finds(({ leases }) => {
      let fence = 0n;
      const wrong = Object.create(leases) as Store['leases'];
      wrong.acquire = async (name, holder) => ({ name, holder, fence: (fence += 1n) });
      return { leases: wrong };
    }, /one of many holders/);
  });

  it('fails a store that writes under a lost lease', async () => {
    await finds(({ anchors, leases }) => {
      const wrong = Object.create(anchors) as Store['anchors'];
      wrong.moveIntent = async (lease, ...move) => {
        const other = `${lease.name} unguarded`;
        const fresh = await leases.acquire(other, lease.holder, 1_000);
        return anchors.moveIntent(fresh ?? lease, ...move);
      };
      return { anchors: wrong };
    }, /lease that somebody has taken over/);
  });

  it('fails a store that replaces a stored attempt', async () => {
    await finds(({ anchors }) => {
      const wrong = Object.create(anchors) as Store['anchors'];
      wrong.putAttempt = (lease, attempt) =>
        anchors.putAttempt(lease, attempt).catch((error: unknown) => {
          if ((error as { code?: string }).code !== 'attempt_taken') throw error;
        });
      return { anchors: wrong };
    }, /never replaces a stored attempt/);
  });

  it('fails a store that accepts a challenge twice', async () => {
    await finds(({ meters }) => {
      const wrong = Object.create(meters) as Store['meters'];
      const known = new Set<string>();
      wrong.putChallenge = async (nonce) => void known.add(nonce);
      wrong.useChallenge = async (nonce) => known.has(nonce);
      return { meters: wrong };
    }, /challenge exactly once/);
  });

  it('fails a store that gives one fingerprint to two meters', async () => {
    await finds(({ meters }) => {
      let other = 0;
      const wrong = Object.create(meters) as Store['meters'];
      wrong.register = (meter, said) => {
        const fingerprint = Uint8Array.from(Buffer.from(String((other += 1)).padStart(32)));
        return meters.register({ ...meter, fingerprint }, said);
      };
      return { meters: wrong };
    }, /claim a fingerprint at once/);
  });

  it('fails a store that hands a meter over a millisecond late, twice, or without a word', async () => {
    const overriding =
      (change: (meters: Store['meters']) => Partial<Store['meters']>) =>
      ({ meters }: Store) => ({
        meters: Object.assign(Object.create(meters) as Store['meters'], change(meters)),
      });
    await finds(
      overriding((meters) => ({
        offerTransfer: (offer, said) => {
          const { effectiveAtMs: at } = offer;
          const late = at === undefined ? {} : { effectiveAtMs: at + 1 };
          return meters.offerTransfer({ ...offer, ...late }, said);
        },
      })),
      /at one millisecond/,
    );
    await finds(
      overriding((meters) => ({
        withdrawTransfer: async (id, atMs, said) =>
          (await meters.withdrawTransfer(id, atMs, said)) ?? meters.transfer(id),
      })),
      /an offer once/,
    );
    await finds(
      overriding((meters) => ({
        setRegisters: (id, change) => meters.setRegisters(id, change, unjournaled),
      })),
      /nothing can be said/,
    );
    await finds(
      overriding((meters) => ({
        gaps: async (query) => (await meters.gaps({ ...query, limit: 1000 })).slice(1, query.limit),
      })),
      /finds the gaps/,
    );
  });

  it('fails a store whose outbox skips an event', async () => {
    await finds(({ outbox }) => {
      const wrong = Object.create(outbox) as Store['outbox'];
      wrong.read = async (cursor, types, limit) =>
        (await outbox.read(cursor, types, limit)).filter(({ id }) => BigInt(id) % 7n !== 0n);
      return { outbox: wrong };
    }, /commits late/);
  });

  it('fails a store that ignores expected versions, and one whose batch is written in parts', async () => {
    const blind = (store: Store): Partial<Store> => ({
      collections: async (...declared) => {
        const documents = await store.collections(...declared);
        const wrong = Object.create(documents) as typeof documents;
        wrong.put = (collection, key, value) => documents.put(collection, key, value);
        return wrong;
      },
    });
    await finds(blind, /refuses a write that expects another one/);
    const partial = (store: Store): Partial<Store> => ({
      collections: async (...declared) => {
        const documents = await store.collections(...declared);
        const wrong = Object.create(documents) as typeof documents;
        wrong.batch = async (writes) => {
          for (const write of writes) await documents.batch([write]);
        };
        return wrong;
      },
    });
    await finds(partial, /as a whole or not at all/);
  });
});
