import { describe, expect, it } from '@jest/globals';
import { ClaimsConfig } from '../../src/energy-ledger/claims.config.js';
import { EnergyLedger } from '../../src/energy-ledger/energy-ledger.js';
import type {
  ClaimOutcome,
  ClaimRequest,
  EnergyStore,
} from '../../src/energy-ledger/energy.store.js';
import { TestClock, testJournal } from '../ingestion/ingestion-fixture.js';

const LINE = { meterId: 'm', register: 'generation', startsMs: 0, energyUWh: 1n };

/** A ledger over a store whose transactions end when the test says so. */
function open(config: object = {}) {
  const clock = new TestClock(Date.UTC(2026, 10, 21));
  const groups: { readonly keys: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const store = {
    claim: (requests: readonly ClaimRequest[]) =>
      new Promise<readonly ClaimOutcome[]>((resolve, reject) => {
        groups.push({
          keys: requests.map(({ key }) => key),
          end: (error) =>
            error === undefined
              ? resolve(
                  requests.map(({ key }) => ({ kind: 'claimed', entryId: key, existing: false })),
                )
              : reject(error),
        });
      }),
  } as unknown as EnergyStore;
  const ledger = new EnergyLedger({
    store,
    clock,
    journal: testJournal(clock),
    config: ClaimsConfig.parse(config),
    classesOf: async () => () => [],
  });
  const claim = (key: string, lines = 1) =>
    ledger.claim({ purpose: 'token', key, lines: Array.from({ length: lines }, () => LINE) });
  return { ledger, groups, claim };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Claims that come together', () => {
  it('share a transaction, and those that come meanwhile share the next', async () => {
    const { claim, groups } = open();
    const first = [claim('a'), claim('b')];
    await turn();
    const second = [claim('c'), claim('d')];
    await turn();
    expect(groups.map(({ keys }) => keys)).toEqual([['a', 'b']]);
    groups[0]!.end();
    expect(await Promise.all(first)).toEqual([
      { entryId: 'a', existing: false },
      { entryId: 'b', existing: false },
    ]);
    await turn();
    expect(groups[1]!.keys).toEqual(['c', 'd']);
    groups[1]!.end();
    await Promise.all(second);
  });

  it('are taken in groups of bounded size, and no more wait than may', async () => {
    const { claim, groups } = open({ queue: { groupLines: 3, waiting: 3 } });
    const asked = [claim('a', 2), claim('b', 2), claim('c', 1)];
    await expect(claim('d')).rejects.toMatchObject({ code: 'throttled', status: 429 });
    await turn();
    expect(groups.map(({ keys }) => keys)).toEqual([['a']]);
    groups[0]!.end();
    await turn();
    expect(groups[1]!.keys).toEqual(['b', 'c']);
    groups[1]!.end();
    await Promise.all(asked);
  });

  it('all learn of a store that fails, and the next ones are tried again', async () => {
    const { claim, groups } = open();
    const asked = [claim('a'), claim('b')].map((one) => expect(one).rejects.toThrow('no disk'));
    await turn();
    groups[0]!.end(new Error('no disk'));
    await Promise.all(asked);
    const next = claim('a');
    await turn();
    groups[1]!.end();
    await next;
  });

  it('are finished before the ledger stops, and none is taken after', async () => {
    const { ledger, claim, groups } = open();
    const asked = claim('a');
    await turn();
    let stopped = false;
    const stopping = ledger.stop().then(() => void (stopped = true));
    await expect(claim('b')).rejects.toMatchObject({ code: 'throttled' });
    expect(stopped).toBe(false);
    groups[0]!.end();
    await Promise.all([asked, stopping]);
  });
});

describe('A claim', () => {
  it.each<[string, object]>([
    ['an unknown purpose', { purpose: 'gift' }],
    ['a purpose of every object', { purpose: 'constructor' }],
    ['a forward sale without its hold', { purpose: 'forward-sale' }],
    ['no key', { key: '' }],
    ['a key with a line break', { key: 'a\nb' }],
    ['a key that is too long', { key: 'k'.repeat(257) }],
    ['no lines', { lines: [] }],
    ['too many lines', { lines: Array.from({ length: 1001 }, () => LINE) }],
    ['nothing', { lines: [{ ...LINE, energyUWh: 0n }] }],
    ['less than nothing', { lines: [LINE, { ...LINE, energyUWh: -1n }] }],
    ['half a millisecond', { lines: [{ ...LINE, startsMs: 0.5 }] }],
    ['a time that no date has', { lines: [{ ...LINE, startsMs: 8.64e15 + 1 }] }],
    // Claims that come together share a transaction: what the database or the log cannot hold would fail them all.
    ['a key with half a character', { key: 'a\ud800' }],
    ['a meter that no text holds', { lines: [{ ...LINE, meterId: 'm\0' }] }],
    ['a register that no text holds', { lines: [{ ...LINE, register: '\udfff' }] }],
  ])('of %s is invalid', async (_what, wrong) => {
    const { ledger, groups } = open();
    const request = { purpose: 'token', key: 'k', lines: [LINE], ...wrong } as ClaimRequest;
    await expect(ledger.claim(request)).rejects.toMatchObject({
      code: 'claim_invalid',
      status: 400,
    });
    expect(groups).toEqual([]);
  });

  it.each<[string, object]>([
    ['that ends when it starts', { endsMs: 0 }],
    ['of nothing', { energyUWh: 0n }],
    ['without a key', { key: '' }],
    ['from no time', { startsMs: Number.NaN }],
    ['until a time that no date has', { endsMs: 8.64e15 + 1 }],
    ['of a meter that no text holds', { meterId: 'm\0' }],
  ])('in advance %s is invalid', async (_what, wrong) => {
    const { ledger } = open();
    const hold = {
      key: 'k',
      meterId: 'm',
      class: 'energy',
      startsMs: 0,
      endsMs: 1,
      energyUWh: 1n,
      ...wrong,
    } as const;
    await expect(ledger.hold(hold)).rejects.toMatchObject({ code: 'hold_invalid' });
  });
});
