import assert from 'node:assert/strict';
import type { ChainedBatch } from '../../devices/batch-chain.store.js';
import { unjournaled } from '../unjournaled.js';
import { MeteredHouse } from './metered-house.js';
import {
  meterFingerprint,
  sampleEntry,
  sampleReading,
  sampleSignature,
  sentAgain,
  sha256,
  text,
  unique,
} from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const ZEROS = new Uint8Array(32);

/** A batch of readings `first` to `last`; its hash follows from all it says. */
function sampleBatch(
  device: string,
  first: bigint,
  last: bigint,
  previous: Uint8Array = ZEROS,
  root = 'root',
): ChainedBatch {
  return {
    device,
    epoch: 0,
    keyId: '0011223344556677',
    alg: 'Ed25519',
    publicKey: sha256(text('public key')),
    first,
    last,
    root: sha256(text(root)),
    previous,
    hash: sha256(text(`${device} ${first} ${last} ${root}`), previous),
    signature: new Uint8Array(64).fill(7),
    receivedAtMs: 1_760_000_000_000,
  };
}

export function envelopeTests(scene: StoreScene, it: Test): void {
  it('keeps what a signature was wrapped in, and forgets it with the signature', async () => {
    const { entries } = await scene.store();
    const envelope = { type: 'jws', header: text('{"alg":"EdDSA"}') };
    const { batch: _, ...alone } = sampleSignature();
    const wrapped = sampleReading({ assurance: 'transport', signature: { ...alone, envelope } });
    await scene.commit(wrapped, sampleReading({ signature: alone }));
    assert.deepEqual(plain((await entries.get(wrapped.id))?.signature?.envelope), plain(envelope));
    const again = sentAgain(wrapped, { assurance: 'device-signature', signature: alone });
    assert.equal((await scene.commitOne(again)).outcome.kind, 'upgraded');
    assert.deepEqual(plain((await entries.get(wrapped.id))?.signature), plain(alone));
  });

  it('puts each batch of a device behind the one it names, and tells gaps and forks', async () => {
    const { chains } = await scene.store();
    const device = `chain ${unique()}`;
    const first = sampleBatch(device, 0n, 9n);
    const second = sampleBatch(device, 10n, 14n, first.hash);
    const third = sampleBatch(device, 15n, 20n, second.hash);
    const kindOf = async (batch: ChainedBatch) => (await chains.extend(batch)).kind;
    assert.deepEqual(await chains.extend(second), { kind: 'gap' });
    assert.equal(await kindOf(first), 'began');
    const gap = await chains.extend(third);
    assert.ok(gap.kind === 'gap' && gap.newest?.last === 9n);
    assert.equal(await kindOf(second), 'extended');
    assert.equal(await kindOf(third), 'extended');
    assert.equal(await kindOf(second), 'known');
    const other = await chains.extend(sampleBatch(device, 10n, 12n, first.hash, 'another'));
    assert.ok(other.kind === 'fork');
    assert.deepEqual(plain(other.rival), plain(second));
    const skipping = sampleBatch(device, 22n, 30n, third.hash);
    assert.equal(await kindOf(skipping), 'gap');
    assert.equal(await kindOf(sampleBatch(device, 22n, 30n)), 'began');
    assert.equal(await kindOf({ ...second, epoch: 1 }), 'gap', 'an epoch has a chain of its own');
    const listed = await chains.list(device, 0, { first: 9n, last: 15n, limit: 10 });
    assert.deepEqual(plain(listed), plain([first, second, third]));
    assert.equal((await chains.list(device, 0, { first: 0n, last: 99n, limit: 2 })).length, 2);
  });

  it('gives a place in a chain to one of many that race for it', async () => {
    const { chains } = await scene.store();
    const device = `race ${unique()}`;
    const first = sampleBatch(device, 0n, 0n);
    await chains.extend(first);
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        chains.extend(sampleBatch(device, 1n, BigInt(1 + (i % 4)), first.hash, `rival ${i % 8}`)),
      ),
    );
    const kinds = outcomes.map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === 'extended').length, 1);
    assert.equal(kinds.filter((kind) => kind === 'known').length, 1);
    assert.equal(kinds.filter((kind) => kind === 'fork').length, 14);
  });

  it('keeps a fork once, and freezes every meter of its key with what the log says of it', async () => {
    const house = new MeteredHouse(scene, await scene.store());
    const { chains, meters, outbox } = house.store;
    const publicKey = sha256(text(`key ${unique()}`));
    const key = {
      keyId: '0011223344556677',
      alg: 'Ed25519',
      publicKey,
      epoch: 0,
      validFromMs: 0,
    } as const;
    await house.register(4_000, [key]);
    const others = { twin: [key], later: [{ ...key, epoch: 1 }], stranger: [] };
    const idOf = (name: string): string => `${house.meterId} ${name}`;
    for (const [name, keys] of Object.entries(others))
      await meters.register(
        {
          meterId: idOf(name),
          accountId: house.accountId,
          fingerprint: meterFingerprint(),
          state: 'active',
          keys,
          registeredAtMs: 1,
        },
        unjournaled,
      );
    await house.credit(...house.readings(1));
    const device = `fork ${unique()}`;
    const rival = { ...sampleBatch(device, 0n, 9n), publicKey };
    await chains.extend(rival);
    const batch = { ...sampleBatch(device, 5n, 7n, ZEROS, 'another'), publicKey };
    const told: string[][] = [];
    const note = (forked = batch) =>
      chains.noteFork({ batch: forked, rival }, (suspended) => {
        told.push(suspended.map(({ meterId }) => meterId));
        return {
          rows: suspended.map(({ meterId }) =>
            sampleEntry({ source: 'system', bytes: text(`${meterId} ${unique()}`) }),
          ),
          issue: (given) => scene.issue(given),
          events: suspended.map(({ meterId: meter }) => ({
            type: 'meter.minting_suspended',
            atMs: 1,
            data: { meter },
          })),
        };
      });
    const noted = await Promise.all([note(), note(), note()]);
    const frozen = [house.meterId, idOf('twin')];
    assert.deepEqual(told, [frozen]);
    assert.deepEqual(
      noted.flat().map(({ meterId }) => meterId),
      frozen,
    );
    const suspension = async (name?: string) =>
      (await meters.get(name === undefined ? house.meterId : idOf(name)))?.mintingSuspended;
    const hash = Buffer.from(batch.hash).toString('hex');
    assert.deepEqual(await suspension(), {
      reason: 'chain_fork',
      batch: hash,
      atMs: batch.receivedAtMs,
    });
    assert.deepEqual(await suspension('twin'), await suspension());
    assert.deepEqual(
      [await suspension('later'), await suspension('stranger')],
      [undefined, undefined],
    );
    assert.deepEqual(
      (await house.statements()).map((one) => one.frozen),
      [true],
    );
    const events = await outbox.read(`forked ${unique()}`, ['meter.minting_suspended'], 10_000);
    assert.equal(events.filter(({ data }) => data['meter'] === house.meterId).length, 1);

    await meters.resumeMinting(house.meterId, unjournaled);
    assert.deepEqual(await note(), [], 'the same fork again says nothing new');
    assert.equal(await suspension(), undefined);
    const again = { ...sampleBatch(device, 6n, 6n, ZEROS, 'a third'), publicKey };
    await assert.rejects(
      chains.noteFork({ batch: again, rival }, () => {
        throw new Error('the key is away');
      }),
      /the key is away/,
    );
    assert.equal(await suspension(), undefined, 'nothing is frozen that the log does not tell of');
    assert.deepEqual(
      (await note(again)).map(({ meterId }) => meterId),
      [house.meterId],
    );
    assert.equal((await house.statements())[0]?.frozen, true);
  });
}
