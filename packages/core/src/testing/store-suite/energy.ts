import assert from 'node:assert/strict';
import type { EnergyClass } from '../../energy-ledger/energy-class.js';
import type { AcceptedClaim, ClaimRequest, EnergyStore } from '../../energy-ledger/energy.store.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import { unjournaled } from '../unjournaled.js';
import { BOTH, MeteredHouse, NOON_MS } from './metered-house.js';
import { QUARTER_MS, sampleReading, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const KWH = 1_000_000_000n;

export function energyTests(scene: StoreScene, it: Test): void {
  const metered = async () => new MeteredHouse(scene, await scene.store());

  it('credits both classes of a reading, once however often it is told', async () => {
    const house = await metered();
    const rows = house.readings(3);
    await house.credit(...rows);
    await house.store.energy.credit(
      rows.toReversed().map(({ id }) => ({ entryId: id })),
      BOTH,
      house.say,
    );
    for (const side of ['energy', 'attribute'] as const)
      assert.deepEqual(
        (await house.statements(side)).map((one) => [one.startsMs, one.creditedUWh, one.accountId]),
        [0, 1, 2].map((at) => [NOON_MS + at * QUARTER_MS, 250_000_000n, house.accountId]),
      );
    assert.deepEqual(await house.store.energy.totals({ accountId: house.accountId }), [
      total('energy', 3, 750_000_000n),
      total('attribute', 3, 750_000_000n),
    ]);
  });

  it('credits nothing of what is quarantined, unsigned, or of a register that credits nothing', async () => {
    const house = await metered();
    const [held, unsigned, consumed] = house.readings(3) as [IngestRow, IngestRow, IngestRow];
    await house.credit(
      { ...held, verdict: 'quarantined', reading: { ...held.reading!, occupies: false } },
      { ...unsigned, assurance: 'unsigned', reading: { ...unsigned.reading!, occupies: false } },
    );
    await scene.commit(consumed);
    await house.store.energy.credit([{ entryId: consumed.id }], () => [], house.say);
    assert.deepEqual(await house.statements(), []);
  });

  it('claims all lines or none, each once by its key, and says so in the log', async () => {
    const house = await metered();
    await house.credit(...house.readings(2));
    const first = house.claim(`a ${unique()}`, 200_000_000n, {}, [0, 1]);
    const [claimed] = await house.ask(first);
    assert.ok(claimed?.kind === 'claimed' && !claimed.existing);
    assert.equal((await house.store.entries.get(claimed.entryId))?.type, 'claim');
    const again = await house.ask(first, { ...first, lines: first.lines.toReversed() });
    for (const answer of again)
      assert.deepEqual(answer, { kind: 'claimed', entryId: claimed.entryId, existing: true });
    const other = { ...first, lines: first.lines.slice(1) };
    assert.deepEqual(await house.ask(other), [{ kind: 'key_conflict', entryId: claimed.entryId }]);
    const [refused] = await house.ask(house.claim(`b ${unique()}`, 60_000_000n, {}, [0, 1, 2]));
    assert.ok(refused?.kind === 'refused');
    assert.deepEqual(
      refused.lines.map(({ code, startsMs, creditedUWh, claimedUWh }) => [
        code,
        startsMs,
        creditedUWh,
        claimedUWh,
      ]),
      [
        ['insufficient', NOON_MS, 250_000_000n, 200_000_000n],
        ['insufficient', NOON_MS + QUARTER_MS, 250_000_000n, 200_000_000n],
        ['not_credited', NOON_MS + 2 * QUARTER_MS, undefined, undefined],
      ],
    );
    assert.deepEqual(
      (await house.statements()).map(({ claimedUWh, claims }) => [claimedUWh, claims.length]),
      [
        [200_000_000n, 1],
        [200_000_000n, 1],
      ],
    );
    assert.equal((await house.statements('attribute'))[0]?.claimedUWh, 0n);
  });

  it('keeps energy and attribute apart, and takes both for a token with origin', async () => {
    const house = await metered();
    await house.credit(...house.readings(1));
    const key = `k ${unique()}`;
    const answers = await house.ask(
      house.claim(key, 250_000_000n, { purpose: 'certificate' }),
      house.claim(key, 1n, { purpose: 'token-with-origin' }),
      house.claim(key, 250_000_000n, { purpose: 'sale' }),
      house.claim(key, 1n, { purpose: 'bundled-sale' }),
    );
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      ['claimed', 'refused', 'claimed', 'refused'],
    );
  });

  it('answers each request of a group as if those before it had been committed', async () => {
    const house = await metered();
    await house.credit(...house.readings(1));
    const [a, b] = [`a ${unique()}`, `b ${unique()}`];
    const answers = await house.ask(
      house.claim(a, 150_000_000n),
      house.claim(a, 150_000_000n),
      house.claim(b, 150_000_000n),
      house.claim(b, 100_000_000n, { purpose: 'sale' }),
      house.claim(a, 1n),
    );
    assert.deepEqual(
      answers.map((one) => (one.kind === 'claimed' ? one.existing : one.kind)),
      [false, true, 'refused', false, 'key_conflict'],
    );
    assert.deepEqual((await house.ask(house.claim(b, 1n)))[0]?.kind, 'refused');
    const c = `c ${unique()}`;
    const next = await metered();
    await next.credit(...next.readings(1));
    const retried = await next.ask(
      next.claim(c, 300_000_000n),
      next.claim(c, 200_000_000n),
      next.claim(c, 300_000_000n),
      next.claim(c, 200_000_000n),
    );
    assert.deepEqual(
      retried.map((one) => (one.kind === 'claimed' ? one.existing : one.kind)),
      ['refused', false, 'key_conflict', true],
      'a refused request leaves its key to the next',
    );
    assert.deepEqual(
      (await next.ask(next.claim(c, 200_000_000n), next.claim(c, 300_000_000n))).map(
        ({ kind }) => kind,
      ),
      ['claimed', 'key_conflict'],
    );
  });

  it('lets an owner claim their own energy only, and tells them nothing of others’', async () => {
    const house = await metered();
    await house.credit(...house.readings(1));
    const { accountId } = house;
    const [stranger] = await house.ask(house.claim(`s ${unique()}`, 1n, { accountId: 'stranger' }));
    assert.ok(stranger?.kind === 'refused');
    assert.deepEqual(stranger.lines, [
      {
        meterId: house.meterId,
        register: 'generation',
        class: 'energy',
        startsMs: NOON_MS,
        code: 'not_credited',
        wantedUWh: 1n,
      },
    ]);
    assert.equal(
      (await house.ask(house.claim(`o ${unique()}`, 1n, { accountId })))[0]?.kind,
      'claimed',
    );
  });

  it('never gives more than was credited, however many claim at once', async () => {
    const house = await metered();
    await house.credit(...house.readings(1, KWH));
    const purposes = ['token', 'sale', 'bundled-sale', 'token-with-origin', 'certificate'] as const;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        house.ask(house.claim(`${i} ${unique()}`, 70_000_000n, { purpose: purposes[i % 5]! })),
      ),
    );
    assert.ok(answers.every(([one]) => one?.kind === 'claimed' || one?.kind === 'refused'));
    for (const side of ['energy', 'attribute'] as const) {
      const [account] = await house.statements(side);
      const sum = account!.claims.reduce((all, { energyUWh }) => all + energyUWh, 0n);
      assert.equal(account!.claimedUWh, sum);
      assert.ok(sum <= KWH, `${sum} of ${KWH} µWh`);
      // Tokens with origin may find no energy left: of attributes less may be used, of energy all that fits.
      if (side === 'energy') assert.equal(sum, 14n * 70_000_000n);
    }
  });

  it('takes a key once, however many come with it at once', async () => {
    const house = await metered();
    await house.credit(...house.readings(1, KWH));
    const key = `one ${unique()}`;
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => house.ask(house.claim(key, 70_000_000n))),
    );
    const first = answers.flat().filter((one) => one.kind === 'claimed' && !one.existing);
    assert.equal(first.length, 1);
    assert.ok(answers.flat().every(({ kind }) => kind === 'claimed'));
    assert.equal((await house.statements())[0]?.claimedUWh, 70_000_000n);
  });

  it('turns a correction below the claims into a shortfall, and lets nothing more be claimed', async () => {
    const house = await metered();
    const [reading] = house.readings(1) as [IngestRow];
    await house.credit(reading);
    await house.ask(house.claim(`c ${unique()}`, 200_000_000n));
    const correct = (energyUWh: bigint, before: IngestRow) =>
      sampleReading({
        accountId: house.accountId,
        reading: {
          ...before.reading!,
          energies: [{ register: 'generation', energyUWh }],
          supersedes: before.logHash,
        },
      });
    const less = correct(120_000_000n, reading);
    await house.credit(less);
    const balances = async () => {
      const [account] = await house.statements();
      return [account?.creditedUWh, account?.claimedUWh, account?.shortfallUWh];
    };
    assert.deepEqual(await balances(), [120_000_000n, 200_000_000n, 80_000_000n]);
    const [refused] = await house.ask(house.claim(`d ${unique()}`, 1n));
    assert.ok(refused?.kind === 'refused' && refused.lines[0]?.code === 'shortfall');
    // The event of the first reading may come again, and late.
    await house.store.energy.credit([{ entryId: reading.id }], BOTH, house.say);
    assert.deepEqual(await balances(), [120_000_000n, 200_000_000n, 80_000_000n]);
    await house.credit(correct(210_000_000n, less));
    assert.deepEqual(await balances(), [210_000_000n, 200_000_000n, 0n]);
    const [left] = await house.ask(house.claim(`e ${unique()}`, 10_000_000n));
    assert.equal(left?.kind, 'claimed');
  });

  it('takes the credit back where a correction measures another time, and gives none twice', async () => {
    const house = await metered();
    const [reading] = house.readings(1) as [IngestRow];
    const at = (startMs: number, endMs: number, supersedes?: IngestRow, energyUWh?: bigint) =>
      sampleReading({
        accountId: house.accountId,
        reading: {
          ...reading.reading!,
          energies: [{ register: 'generation', energyUWh: energyUWh ?? 250_000_000n }],
          startsMs: NOON_MS + startMs,
          endsMs: NOON_MS + endMs,
          ...(supersedes === undefined ? {} : { supersedes: supersedes.logHash }),
        },
      });
    const claim = async (startMs: number, energyUWh: bigint) => {
      const { lines, ...request } = house.claim(`m ${unique()}`, energyUWh);
      const [answer] = await house.ask({
        ...request,
        lines: [{ ...lines[0]!, startsMs: NOON_MS + startMs }],
      });
      return answer?.kind;
    };
    const balances = async () =>
      (await house.statements()).map(({ startsMs, creditedUWh, claimedUWh, shortfallUWh }) => [
        startsMs - NOON_MS,
        ...[creditedUWh, claimedUWh, shortfallUWh].map((one) => one / 1_000_000n),
      ]);
    await house.credit(reading);
    assert.equal(await claim(0, 50_000_000n), 'claimed');
    const moved = at(60_000, QUARTER_MS + 60_000, reading);
    await house.credit(moved);
    const once = [
      [0, 0n, 50n, 50n],
      [60_000, 200n, 0n, 0n],
    ];
    assert.deepEqual(await balances(), once);
    await house.store.energy.credit([{ entryId: moved.id }], BOTH, house.say);
    assert.deepEqual(await balances(), once, 'told again');
    // All of it is used; then the meter says that it measured for a second, and measures the rest of the time once more.
    assert.equal(await claim(60_000, 200_000_000n), 'claimed');
    const second = at(60_000, 61_000, moved, 0n);
    await house.credit(second);
    await house.credit(at(61_000, QUARTER_MS + 60_000));
    assert.deepEqual(await balances(), [
      [0, 0n, 50n, 50n],
      [60_000, 0n, 200n, 200n],
      [61_000, 0n, 0n, 0n],
    ]);
    assert.equal(await claim(61_000, 1n), 'refused');
  });

  it('freezes what a suspended meter has measured, and what it measures meanwhile', async () => {
    const house = await metered();
    await house.register();
    const [first, second] = house.readings(2) as [IngestRow, IngestRow];
    await house.credit(first);
    const { meters } = house.store;
    assert.ok(await meters.setState(house.meterId, 'active', 'suspended', unjournaled));
    await house.credit(second);
    for (const quarter of [0, 1]) {
      const [answer] = await house.ask(house.claim(`f ${unique()}`, 1n, {}, [quarter]));
      assert.ok(answer?.kind === 'refused' && answer.lines[0]?.code === 'frozen');
    }
    assert.ok(await meters.setState(house.meterId, 'suspended', 'active', unjournaled));
    const [answer] = await house.ask(house.claim(`f ${unique()}`, 1n, {}, [0, 1]));
    assert.equal(answer?.kind, 'claimed');
  });

  it('asks for the assurance that the ledger and the claim ask for', async () => {
    const house = await metered();
    const [reading] = house.readings(1) as [IngestRow];
    await house.credit({
      ...reading,
      assurance: 'transport',
      reading: { ...reading.reading!, occupies: true },
    });
    const ask = (request: ClaimRequest, least: 'transport' | 'device-signature') =>
      house.store.energy.claim([request], least, house.say);
    const [strict] = await ask(house.claim(`x ${unique()}`, 1n), 'device-signature');
    assert.ok(strict?.kind === 'refused' && strict.lines[0]?.code === 'assurance_too_low');
    const [less] = await ask(
      house.claim(`w ${unique()}`, 1n, { minAssurance: 'unsigned' }),
      'device-signature',
    );
    assert.equal(less?.kind, 'refused', 'a claim asks for more than the ledger, never for less');
    const more = { minAssurance: 'device-signature' } as const;
    assert.equal(
      (await ask(house.claim(`y ${unique()}`, 1n, more), 'transport'))[0]?.kind,
      'refused',
    );
    assert.equal((await ask(house.claim(`z ${unique()}`, 1n), 'transport'))[0]?.kind, 'claimed');
  });

  it('promises no more than a meter can deliver, over any stretch of time', async () => {
    const house = await metered();
    await house.register(4_000);
    const { energy } = house.store;
    const hold = (key: string, from: number, to: number, energyUWh: bigint) =>
      energy.hold(
        {
          key: `${house.meterId} ${key}`,
          meterId: house.meterId,
          class: 'energy',
          startsMs: NOON_MS + from * QUARTER_MS,
          endsMs: NOON_MS + to * QUARTER_MS,
          energyUWh,
        },
        0.5,
      );
    // Half of 4 kW: half a kilowatt-hour a quarter, two an hour.
    assert.deepEqual(await hold('a', 0, 4, 15n * (KWH / 10n)), { kind: 'held', existing: false });
    assert.deepEqual(await hold('a', 0, 4, 15n * (KWH / 10n)), { kind: 'held', existing: true });
    assert.equal(code(await hold('a', 0, 4, KWH)), 'key_conflict');
    assert.deepEqual(await hold('b', 0, 1, KWH / 2n), { kind: 'held', existing: false });
    assert.equal(code(await hold('c', 1, 2, 1n)), 'insufficient', 'the hour is full');
    assert.equal(code(await hold('d', 0, 1, 1n)), 'insufficient');
    assert.deepEqual(await hold('e', 4, 5, KWH / 2n), { kind: 'held', existing: false });
    assert.equal((await energy.openHolds(house.meterId)).length, 3);
    const released = await energy.closeHold(`${house.meterId} a`, 'release', house.say);
    assert.equal(released?.state, 'closed');
    assert.deepEqual(await hold('c', 1, 2, 1n), { kind: 'held', existing: false });
    const unknown = { ...house, meterId: 'no-such-meter' };
    const request = {
      key: `${unique()}`,
      meterId: unknown.meterId,
      class: 'energy',
      startsMs: 0,
      endsMs: 1,
      energyUWh: 1n,
    } as const;
    assert.equal(code(await energy.hold(request, 1)), 'meter_unknown');
    assert.equal(
      code(await energy.hold({ ...request, meterId: house.meterId, accountId: 'stranger' }, 1)),
      'not_owner',
    );
  });

  it('gives measured energy to holds first, in the order they were made', async () => {
    const house = await metered();
    await house.register(4_000);
    const { energy } = house.store;
    const keys = ['first', 'second'].map((name) => `${name} ${unique()}`) as [string, string];
    for (const key of keys)
      await energy.hold(
        {
          key,
          meterId: house.meterId,
          class: 'energy',
          startsMs: NOON_MS,
          endsMs: NOON_MS + 2 * QUARTER_MS,
          energyUWh: 300_000_000n,
        },
        1,
      );
    const [a, b] = house.readings(2) as [IngestRow, IngestRow];
    await house.credit(a);
    assert.equal((await house.ask(house.claim(`t ${unique()}`, 1n)))[0]?.kind, 'refused');
    await house.credit(b);
    await house.store.energy.credit([{ entryId: a.id }, { entryId: b.id }], BOTH, house.say);
    const settled = await energy.closeHold(keys[0], 'settle', house.say);
    const short = await energy.closeHold(keys[1], 'settle', house.say);
    assert.deepEqual([settled?.claimedUWh, short?.claimedUWh], [300_000_000n, 200_000_000n]);
    assert.deepEqual(await energy.closeHold(keys[1], 'release', house.say), short);
    assert.deepEqual(
      (await house.statements()).map(({ claimedUWh, claims }) => [
        claimedUWh,
        claims.map(({ key, energyUWh, purpose }) => [key, energyUWh, purpose]),
      ]),
      [
        [250_000_000n, [[keys[0], 250_000_000n, 'forward-sale']]],
        [
          250_000_000n,
          [
            [keys[0], 50_000_000n, 'forward-sale'],
            [keys[1], 200_000_000n, 'forward-sale'],
          ],
        ],
      ],
    );
    const late = {
      key: `${unique()}`,
      meterId: house.meterId,
      class: 'energy',
      startsMs: NOON_MS,
      endsMs: NOON_MS + 1,
      energyUWh: 1n,
    } as const;
    assert.equal(code(await energy.hold(late, 1)), 'already_measured');
    assert.equal(await energy.closeHold(`none ${unique()}`, 'settle', house.say), undefined);
  });

  it('pages statements by start, register and class', async () => {
    const house = await metered();
    await house.credit(...house.readings(4));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await house.store.energy.statements({
        meterId: house.meterId,
        fromMs: NOON_MS + QUARTER_MS,
        toMs: NOON_MS + 3 * QUARTER_MS,
        limit: 3,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(
        ...page.items.map((one) => `${(one.startsMs - NOON_MS) / QUARTER_MS} ${one.class}`),
      );
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(found, ['1 attribute', '1 energy', '2 attribute', '2 energy']);
  });

  it('changes nothing when the log cannot say it', async () => {
    const house = await metered();
    await house.credit(...house.readings(1));
    const dumb = (claims: readonly AcceptedClaim[]): Journaled => ({
      rows: house.say(claims).rows,
      issue: () => Promise.reject(new Error('no signer')),
    });
    const request = house.claim(`n ${unique()}`, 100_000_000n);
    await assert.rejects(
      house.store.energy.claim([request], 'device-signature', dumb),
      /no signer/,
    );
    assert.equal((await house.statements())[0]?.claimedUWh, 0n);
    assert.deepEqual((await house.ask(request))[0]?.kind, 'claimed', 'the key was not used up');
  });
}

function total(of: EnergyClass, intervals: number, creditedUWh: bigint) {
  return { class: of, intervals, creditedUWh, claimedUWh: 0n, shortfallUWh: 0n };
}

function code(outcome: Awaited<ReturnType<EnergyStore['hold']>>): string {
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
}
