import { DevicesConfig } from '../../src/devices/devices.config.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import { MeterError } from '../../src/devices/meter-error.js';
import { MintingSuspensions } from '../../src/devices/minting-suspensions.js';
import { MeterService } from '../../src/devices/meter.service.js';
import type { MeterStore, StoredMeter } from '../../src/devices/meter.store.js';
import { MeterTransfers } from '../../src/devices/meter-transfers.js';
import { MeterAudit } from '../../src/devices/meter-audit.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import type { EntryStore } from '../../src/logs/entry.store.js';
import type { Store } from '../../src/stores/store.js';
import type { JsonObject } from '../../src/verify/contracts.js';
import { registerMessage } from '../../src/verify/device-signing.js';
import { ORIGIN, TestClock, testJournal } from '../ingestion/ingestion-fixture.js';
import { TestKey } from '../ingestion/test-devices.js';

/** The services of meters over a store, as a gateway composes them. */
export function meterServices(store: Store, clock: TestClock, meters: MeterStore = store.meters) {
  const directory = new MeterDirectory({ store: meters, clock, maxStaleMs: 200, entries: 1000 });
  let drawn = 0;
  const random = (length: number) => {
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32BE((drawn += 1), length - 4);
    return bytes;
  };
  const config = DevicesConfig.parse({ registration: 'review' });
  const journal = testJournal(clock);
  const service = new MeterService({
    store: meters,
    directory,
    signatures: new SignatureVerifier(nodeBackend),
    clock,
    random,
    sha256: nativeSha256,
    config,
    journal,
    origin: ORIGIN,
    accountKnown: async (accountId) => accountId !== 'nobody',
  });
  const transfers = new MeterTransfers({
    store: meters,
    directory,
    clock,
    random,
    config,
    journal,
    accountKnown: async (accountId) => accountId !== 'nobody',
  });
  const key = new TestKey('flows');
  /** Registers a meter by proof of possession. */
  const register = async (meterId: string, accountId: string, more: object = {}) => {
    const { nonce } = await service.challenge();
    const message = registerMessage(ORIGIN, meterId, key.keyId, nonce);
    const signature = key.sign(message).toString('base64');
    const body = {
      meter_id: meterId,
      public_key: key.spki.toString('base64'),
      alg: 'Ed25519',
      proof_of_possession: { nonce, signature },
      ...more,
    };
    return service.register(body, accountId);
  };
  const minting = new MintingSuspensions({ store: meters, journal, clock });
  return { service, transfers, minting, journal, directory, register };
}

/** The `audit/1` documents of a log, in its order. */
export async function auditDocuments(entries: EntryStore): Promise<readonly JsonObject[]> {
  const documents: JsonObject[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await entries.list({
      type: 'audit',
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { bytes } of page.items)
      documents.push(JSON.parse(Buffer.from(bytes).toString()) as JsonObject);
    ({ cursor } = page);
    if (cursor === undefined) return documents;
  }
}

export async function allMeters(store: MeterStore): Promise<readonly StoredMeter[]> {
  return (await store.list({ limit: 1000 })).items;
}

const ACCOUNTS = ['ada', 'bob', 'carl'];

/** The same numbers in every run: mulberry32. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What owners, operators and strangers do, most of it refused. The clock often stands still between two steps. */
export async function live(
  store: Store,
  clock: TestClock,
  steps: number,
  seed: number,
): Promise<number> {
  const { service, transfers, register } = meterServices(store, clock);
  const draw = numbers(seed);
  const pick = <T>(items: readonly T[]): T => items[draw(items.length)]!;
  const registers = () =>
    pick([
      undefined,
      [{ name: 'generation', direction: 'generation' }],
      [
        { name: 'a b ü', direction: 'storage', credits: [] },
        { name: 'import', direction: 'consumption' },
      ],
    ]);
  let done = 0;
  for (let step = 0; step < steps; step += 1) {
    // What is retired stays so: others come after them.
    const meterId = `meter-${Math.floor(step / 250) * 2 + draw(3)}`;
    const account = pick(ACCOUNTS);
    const steady = draw(3);
    clock.ms += steady === 0 ? draw(5000) : 0;
    const accept = async () => {
      const [open] = (await store.meters.transfers({ meterId, limit: 1 })).items;
      const body = { transfer_id: open?.id ?? '', ...pick([{}, { owner: 'New' }]) };
      const accountId = open?.toAccount ?? account;
      return transfers.accept(meterId, body, { actor: accountId, accountId });
    };
    const act = pick([
      accept,
      accept,
      accept,
      () =>
        register(meterId, account, {
          ...pick([{}, { nameplate: { vendor: 'V', model: 'M', serial: String(draw(3)) } }]),
          ...pick([{}, { location: { latitude: 45.46, longitude: -0.04 } }]),
          ...pick([{}, { location: { zone: 'DE-LU' }, owner: 'Ada', rating_w: 5000 }]),
          ...(draw(2) === 0 ? {} : { registers: registers() }),
          device_id: 'device-1',
        }),
      () => service.approve(meterId, 'operator'),
      () => service.reject(meterId, 'operator'),
      () => service.suspend(meterId, 'operator'),
      () => service.resume(meterId, 'operator'),
      () => (draw(12) === 0 ? service.retire(meterId, account) : service.approve(meterId, 'o')),
      () => service.setRegisters(meterId, registers() ?? [], 'operator'),
      () =>
        transfers.offer(
          meterId,
          {
            to_account: pick(ACCOUNTS),
            ...pick([{}, { effective_at: new Date(clock.ms + draw(4000)).toISOString() }]),
          },
          { actor: 'operator' },
        ),
      () => transfers.withdraw(meterId, { actor: 'operator' }),
      () => service.setAllowed([meterId], draw(2) === 0, 'operator'),
    ]);
    try {
      await act();
      done += 1;
    } catch (error) {
      if (!(error instanceof MeterError)) throw error;
    }
  }
  return done;
}

/** Where the table of meters is not what the log tells. */
export async function differences(store: Store) {
  return (await new MeterAudit(store).compare()).differences;
}
