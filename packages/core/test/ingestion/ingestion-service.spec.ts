import { describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { statusOfItem } from '../../src/ingestion/verdict-codes.js';
import { logHash } from '../../src/verify/tree-hashing.js';
import { readDocument } from '../../src/verify/formats/default-formats.js';
import { toHex } from '../../src/verify/bytes.js';
import { readReceipt, verifyReceipt } from '../../src/verify/receipt.js';
import { batchItemLeaf, batchMessage } from '../../src/verify/device-signing.js';
import { rootFromPath } from '../../src/verify/inclusion.js';
import { verifyEd25519 } from '../../src/verify/ed25519.js';
import { openFixture, type Fixture, type FixtureOptions } from './ingestion-fixture.js';
import { TestDevice } from './test-devices.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const QUARTER = 900_000;
const WEEK = 7 * 86_400_000;
const device = new TestDevice('meter-1');
/** Comes with the API key of the meter's account. */
const owner = { accountId: 'account of meter-1' };

async function open(more: Partial<FixtureOptions> = {}): Promise<Fixture> {
  return openFixture({ nowMs: NOW, meters: [device.stored('active')], ...more });
}

async function items(fixture: Fixture, body: object | string, more = {}) {
  const answer = await fixture.send(body, more);
  if (answer.kind !== 'items') throw new Error(`${answer.kind} ${answer.code}`);
  return answer.items;
}

describe('A signed reading', () => {
  it('is accepted with its id, logHash and a receipt that verifies offline', async () => {
    const fixture = await open();
    const document = device.reading(NOW);
    const [item] = await items(fixture, device.signed(document));
    const { bytes } = readDocument('reading/1', JSON.stringify(document));
    expect(item).toMatchObject({ verdict: 'accepted', duplicate: false });
    expect(item?.id).toMatch(/^log_[0-9a-f]{32}$/);
    expect(item?.leaf_hash).toBe(toHex(logHash(bytes)));
    const receipt = readReceipt(item?.receipt);
    expect(verifyReceipt(receipt)).toBeUndefined();
    expect(receipt).toMatchObject({
      entryId: item?.id,
      verdict: 'accepted',
      committedAtMs: NOW,
      includeByMs: NOW + 3_600_000,
      durability: 'memory',
    });
  });

  it('is kept with its canonical bytes, key, account and salt', async () => {
    const fixture = await open();
    const [item] = await items(fixture, device.signed(device.reading(NOW)));
    const entry = await fixture.store.entries.get(item!.id!);
    expect(entry).toMatchObject({
      accountId: 'account of meter-1',
      assurance: 'device-signature',
      verdict: 'accepted',
      signature: { alg: 'Ed25519', keyId: device.key.keyId },
    });
    expect(entry?.salt).toHaveLength(16);
  });

  it('has no salt under the profile of kwh-btc-iot', async () => {
    const fixture = await open({ profile: 'kwh-btc-iot' });
    const [item] = await items(fixture, device.signed(device.reading(NOW)));
    const entry = await fixture.store.entries.get(item!.id!);
    expect(entry?.salt).toHaveLength(0);
  });

  it('may be sent as canonical bytes', async () => {
    const fixture = await open();
    const document = device.reading(NOW);
    const { bytes } = readDocument('reading/1', JSON.stringify(document));
    const { signature } = device.signed(document);
    const sent = { format: 'reading/1', bytes: Buffer.from(bytes).toString('base64'), signature };
    expect(await items(fixture, sent)).toMatchObject([{ verdict: 'accepted' }]);
  });

  it('keeps the digits of its numbers through the framing', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    const text = JSON.stringify(device.emlog(NOW)).replace('12.34', '8.20');
    const [item] = await items(fixture, `[ {"format":"emlog-1.1","document": ${text} } ]`, owner);
    const entry = await fixture.store.entries.get(item!.id!);
    expect(Buffer.from(entry!.bytes).toString()).toContain('"energy_kwh":8.2,');
  });
});

describe('Time', () => {
  it.each([
    ['60,000 ms ahead', NOW + 60_000, {}, 'accepted'],
    ['60,001 ms ahead', NOW + 60_001, {}, 'rejected'],
    ['exactly 7 days old', NOW - WEEK, {}, 'accepted'],
    ['7 days and 1 ms old', NOW - WEEK - 1, {}, 'rejected'],
    [
      '7 days and 1 ms old, with scope backfill',
      NOW - WEEK - 1,
      { scopes: ['ingest', 'backfill'] },
      'accepted',
    ],
    [
      'a year old, with scope backfill',
      NOW - 365 * 86_400_000,
      { scopes: ['ingest', 'backfill'] },
      'accepted',
    ],
    [
      '60,001 ms ahead, with scope backfill',
      NOW + 60_001,
      { scopes: ['ingest', 'backfill'] },
      'rejected',
    ],
  ] as const)('is exact: %s', async (_name, endsMs, more, verdict) => {
    const fixture = await open();
    expect(await items(fixture, device.signed(device.reading(endsMs)), more)).toMatchObject([
      { verdict },
    ]);
  });

  it('has no lower end when the age rule is off', async () => {
    const fixture = await open({ config: { time: { maxAgeMs: 'none' } } });
    const old = device.signed(device.emlog(Date.UTC(2025, 11, 1)), 'emlog-1.1');
    expect(await items(fixture, old)).toMatchObject([{ verdict: 'accepted' }]);
  });
});

describe('Energy', () => {
  const rated = new TestDevice('meter-rated');
  const meters = [rated.stored('active', { ratingW: 4000 })];

  it.each([
    ['1.05', 'accepted'],
    ['1.050000001', 'quarantined'],
    ['0', 'accepted'],
  ] as const)(
    'of an interval is held above the rating: %s kWh is %s',
    async (import_kwh, verdict) => {
      const fixture = await open({ meters });
      const [item] = await items(fixture, rated.signed(rated.reading(NOW, { import_kwh })));
      expect(item?.verdict).toBe(verdict);
    },
  );

  it.each([
    ['0.000000001', 'accepted'],
    ['100', 'accepted'],
    ['0', 'rejected'],
    ['100.000000001', 'rejected'],
  ] as const)(
    'of a point reading is more than 0 and at most 100: %s kWh is %s',
    async (import_kwh, verdict) => {
      const fixture = await open();
      const at = new Date(NOW).toISOString();
      const point = device.reading(NOW, { start: at, end: at, import_kwh });
      const [item] = await items(fixture, device.signed(point));
      expect(item?.verdict).toBe(verdict);
    },
  );
});

describe('Lists', () => {
  it('answer each item in order, one bad item failing none of the others', async () => {
    const fixture = await open();
    const good = (n: number) => device.signed(device.reading(NOW - n * QUARTER));
    const bad = { ...good(9), format: 'nonsense' };
    const answer = await items(fixture, [good(0), bad, good(1), 7, good(0)]);
    expect(answer.map(({ verdict }) => verdict)).toEqual([
      'accepted',
      'rejected',
      'accepted',
      'rejected',
      'duplicate',
    ]);
    expect(answer[4]?.id).toBe(answer[0]?.id);
    expect(fixture.signer.signatures).toBe(1);
  });

  it('may be lines, with empty lines between and CRLF', async () => {
    const fixture = await open();
    const line = (n: number) => JSON.stringify(device.signed(device.reading(NOW - n * QUARTER)));
    const body = `${line(0)}\r\n\n  ${line(1)}\n`;
    const answer = await items(fixture, body, { contentType: 'application/x-ndjson' });
    expect(answer.map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted']);
  });

  it('of 1,000 items are taken', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    const body = Array.from({ length: 1000 }, (_, n) => ({
      format: 'emlog-1.1',
      document: device.emlog(NOW - n * 300_000),
    }));
    const answer = await items(fixture, body, owner);
    expect(answer).toHaveLength(1000);
    expect(new Set(answer.map(({ verdict }) => verdict))).toEqual(new Set(['accepted']));
    expect(verifyReceipt(readReceipt(answer[777]?.receipt))).toBeUndefined();
    expect(fixture.signer.signatures).toBe(1);
  });
});

describe('A signed batch', () => {
  it('carries each reading to the one signature with its own nonce and path', async () => {
    const fixture = await open();
    const documents = Array.from({ length: 5 }, (_, n) => device.reading(NOW - n * QUARTER));
    const answer = await items(fixture, device.batch(documents));
    expect(answer.map(({ verdict }) => verdict)).toEqual(new Array(5).fill('accepted'));
    for (const [index, { id }] of answer.entries()) {
      const entry = await fixture.store.entries.get(id!);
      const { batch, value } = entry!.signature!;
      expect(batch).toMatchObject({ index, count: 5 });
      const leaf = batchItemLeaf(batch!.nonce, entry!.logHash);
      const { path } = batch!;
      const root = rootFromPath({ profile: 'rfc9162', leaf, index, size: 5, path })!;
      const message = batchMessage(device.key.keyId, 5, root);
      expect(verifyEd25519(value, message, device.key.spki.subarray(12))).toBe(true);
    }
  });
});

describe('A signed batch of 1,024 readings', () => {
  it('is taken whole', async () => {
    const fixture = await open();
    const documents = Array.from({ length: 1024 }, (_, n) =>
      device.reading(NOW - n * 60_000, {
        start: new Date(NOW - (n + 1) * 60_000).toISOString(),
      }),
    );
    const answer = await items(fixture, device.batch(documents));
    expect(new Set(answer.map(({ verdict }) => verdict))).toEqual(new Set(['accepted']));
    expect(answer).toHaveLength(1024);
  });
});

describe('Duplicates', () => {
  it('get the stored receipt, byte for byte, whatever the clock says', async () => {
    const fixture = await open();
    const sent = device.signed(device.reading(NOW));
    const [first] = await items(fixture, sent);
    fixture.clock.ms += 5000;
    const [second] = await items(fixture, sent);
    expect(second).toMatchObject({ id: first?.id, verdict: 'duplicate', duplicate: true });
    expect(JSON.stringify(second?.receipt)).toBe(JSON.stringify(first?.receipt));
    expect(statusOfItem(second!)).toBe(200);
  });

  it('of a lower assurance are upgraded: same entry, new receipt, and the interval is taken', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    const document = device.reading(NOW);
    const [unsigned] = await items(fixture, { format: 'reading/1', document }, owner);
    fixture.clock.ms += 1;
    const [signed] = await items(fixture, device.signed(document));
    expect(unsigned?.verdict).toBe('accepted');
    expect(signed).toMatchObject({ id: unsigned?.id, verdict: 'accepted', duplicate: false });
    expect(signed?.receipt).not.toEqual(unsigned?.receipt);
    expect(await fixture.store.entries.get(unsigned!.id!)).toMatchObject({
      assurance: 'device-signature',
    });
    const other = device.reading(NOW, { import_kwh: '2' });
    expect(await items(fixture, device.signed(other))).toMatchObject([
      { reason: 'interval_overlap' },
    ]);
  });

  it('of a higher assurance stand: an unsigned copy is only a duplicate', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    const document = device.reading(NOW);
    await items(fixture, device.signed(document));
    expect(await items(fixture, { format: 'reading/1', document }, owner)).toMatchObject([
      { verdict: 'duplicate' },
    ]);
  });
});

describe('Unsigned readings', () => {
  const unsigned = { format: 'reading/1', document: device.reading(NOW) };

  it('are refused where signatures are required, without a question to the database', async () => {
    const fixture = await open();
    const find = (): never => {
      throw new Error('looked up what a stranger said');
    };
    Object.assign(fixture.store.meters, { find });
    const [item] = await items(fixture, unsigned);
    expect(item).toMatchObject({ verdict: 'rejected', reason: 'device_signature_required' });
    expect(statusOfItem(item!)).toBe(401);
  });

  it('wait for an operator under review', async () => {
    const [item] = await items(await open({ devices: { unsigned: 'review' } }), unsigned, owner);
    expect(item).toMatchObject({ verdict: 'quarantined', reason: 'unsigned_review' });
    expect(statusOfItem(item!)).toBe(202);
  });

  it('never keep the signed reading of the same interval away', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    await items(fixture, unsigned, owner);
    const signed = device.signed(device.reading(NOW, { import_kwh: '2' }));
    expect(await items(fixture, signed)).toMatchObject([{ verdict: 'accepted' }]);
  });

  it.each([
    ['a stranger', {}, 'device_signature_required'],
    ['another account', { accountId: 'somebody else' }, 'meter_not_owned'],
    ['its owner', owner, undefined],
    ['an operator', { accountId: 'operators', everyAccount: true }, undefined],
    [
      'a transport that vouches for it',
      { assurance: 'transport', vouchesFor: ['another', device.meterId] },
      undefined,
    ],
    [
      'a transport that vouches for another meter',
      { assurance: 'transport', vouchesFor: ['another'] },
      'device_signature_required',
    ],
    [
      'another account over a transport that vouches for it',
      { assurance: 'reader', vouchesFor: [device.meterId], accountId: 'somebody else' },
      'meter_not_owned',
    ],
    ['its device key', { device: { meterId: device.meterId, ...owner } }, undefined],
    [
      'the device key of another meter',
      { device: { meterId: 'another', ...owner } },
      'meter_mismatch',
    ],
  ] as const)(
    'of a registered meter are taken from whoever speaks for it alone: %s',
    async (_who, sender, reason) => {
      const fixture = await open({ devices: { unsigned: 'accept' } });
      const [item] = await items(fixture, unsigned, sender);
      expect([item?.verdict, item?.reason]).toEqual([reason ? 'rejected' : 'accepted', reason]);
      // Whoever sent it, the entry is its owner's.
      const { accountId } = owner;
      expect((await fixture.store.entries.list({ limit: 2, accountId })).items).toHaveLength(
        reason ? 0 : 1,
      );
    },
  );

  it.each(['pending', 'retired'] as const)(
    'are not taken over by who registers their meter: %s',
    async (state) => {
      const meters = [device.stored(state, { accountId: 'a squatter' })];
      const fixture = await open({ devices: { unsigned: 'accept' }, meters });
      const [item] = await items(fixture, unsigned);
      expect(item?.verdict).toBe('accepted');
      const entry = await fixture.store.entries.get(item!.id!);
      expect([entry?.accountId, entry?.assurance]).toEqual(['default', 'unsigned']);
    },
  );

  it('are limited per source, and taken again when the time has come', async () => {
    const devices = { unsigned: 'accept', unsignedRate: { perSecond: 1, burst: 2 } };
    const fixture = await open({ devices });
    const nobodys = new TestDevice('a meter nobody registered');
    const emlog = (n: number) => ({
      format: 'emlog-1.1',
      document: nobodys.emlog(NOW - n * 300_000),
    });
    const from = { source: '192.0.2.1' };
    expect(await items(fixture, [emlog(0), emlog(1)], from)).toHaveLength(2);
    expect(await fixture.send(emlog(2), from)).toEqual({
      kind: 'retry',
      code: 'throttled',
      retryAfterMs: 1000,
    });
    expect(await items(fixture, emlog(2), { source: '192.0.2.2' })).toHaveLength(1);
    fixture.clock.ms += 1000;
    expect(await items(fixture, emlog(3), from)).toMatchObject([{ verdict: 'accepted' }]);
  });
});

describe('Readings of a meter that waits for approval', () => {
  it('are limited per source like unsigned ones: anybody can register and wait', async () => {
    const meters = [device.stored('pending')];
    const fixture = await open({ meters, devices: { unsignedRate: { perSecond: 1, burst: 2 } } });
    const signed = (n: number) => device.signed(device.reading(NOW - n * QUARTER));
    const from = { source: '192.0.2.1' };
    expect(await items(fixture, [signed(0), signed(1)], from)).toMatchObject([
      { reason: 'meter_pending' },
      { reason: 'meter_pending' },
    ]);
    expect(await fixture.send(signed(2), from)).toMatchObject({ code: 'throttled' });
  });
});

describe('POST /logs', () => {
  it('answers the item and the document as it is kept', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    const answer = await fixture.service.acceptLog(JSON.stringify(device.emlog(NOW)), owner);
    if (answer.kind !== 'item') throw new Error(answer.kind);
    expect(answer.item).toMatchObject({ verdict: 'accepted' });
    expect(Buffer.from(answer.document!.bytes).toString()).toMatch(/^\{"energy_kwh":12\.34,/);
  });

  it('refuses a document that is none', async () => {
    const fixture = await open({ devices: { unsigned: 'accept' } });
    expect(await fixture.service.acceptLog('{"energy_kwh":1}')).toMatchObject({
      kind: 'item',
      item: { verdict: 'rejected', reason: 'missing' },
    });
  });
});

describe('Keys with scopes', () => {
  it('need the scope ingest', async () => {
    const fixture = await open();
    const answer = await fixture.send(device.signed(device.reading(NOW)), { scopes: ['read'] });
    expect(answer).toMatchObject({ kind: 'refused', code: 'scope_missing' });
  });
});

describe('A meter', () => {
  it('that is suspended elsewhere is refused once the directory has looked again', async () => {
    const fixture = await open();
    await items(fixture, device.signed(device.reading(NOW)));
    await fixture.store.meters.setState('meter-1', 'active', 'suspended', unjournaled);
    fixture.clock.ms += 200;
    const next = device.signed(device.reading(NOW - QUARTER));
    expect(await items(fixture, next)).toMatchObject([{ reason: 'meter_suspended' }]);
  });
});
