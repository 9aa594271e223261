import { unjournaled } from '../../src/testing/unjournaled.js';
import { DevicesConfig } from '../../src/devices/devices.config.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import type { IngestionMessage } from '../../src/ingestion/admit.js';
import type { Timers } from '../../src/ingestion/commit-queue.js';
import type { IngestStore } from '../../src/ingestion/ingest.store.js';
import { IngestionConfig } from '../../src/ingestion/ingestion.config.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { ReceiptIssuer } from '../../src/ingestion/receipt-issuer.js';
import { Journal } from '../../src/logs/journal.js';
import {
  openIngestion,
  type Ingestion,
  type IngestionOptions,
} from '../../src/ingestion/open-ingestion.js';
import type { Signer } from '../../src/spi/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import type { BatchProfile } from '../../src/verify/contracts.js';
import { canonicalize, readDocument } from '../../src/verify/formats/default-formats.js';
import { formatVkey, noteKey } from '../../src/verify/note.js';
import { TestKey } from './test-devices.js';

export const ORIGIN = 'example.org/energy-log';

/** A clock that stands still until told otherwise. */
export class TestClock {
  constructor(public ms: number) {}
  nowMs(): number {
    return this.ms;
  }
}

/** Runs `soon` as a microtask and keeps `later` until `fire`. */
export class TestTimers implements Timers {
  readonly waiting = new Set<() => void>();
  soon(run: () => void): void {
    queueMicrotask(run);
  }
  later(run: () => void): () => void {
    this.waiting.add(run);
    return () => this.waiting.delete(run);
  }
  fire(): void {
    for (const run of this.waiting) run();
    this.waiting.clear();
  }
}

/** Signs under `<origin>/receipts` and counts. */
export class TestSigner implements Signer {
  readonly name = `${ORIGIN}/receipts`;
  readonly vkey: string;
  signatures = 0;
  private readonly key = new TestKey('receipts');

  constructor() {
    this.vkey = formatVkey(noteKey(this.name, this.key.spki.subarray(12)));
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    this.signatures += 1;
    return this.key.sign(message);
  }
}

/** A journal of its own, for what is tested without ingestion. Salts and ids count up. */
export function testJournal(clock: TestClock): Journal {
  const receipts = new ReceiptIssuer({
    origin: ORIGIN,
    signer: new TestSigner(),
    clock,
    hashing: nativeSha256,
    durability: 'memory',
    includeWithinMs: 3_600_000,
  });
  return new Journal({
    canonicalize,
    profile: 'rfc9162',
    ruleSet: '0'.repeat(64),
    clock,
    random: countingRandom(),
    hashing: nativeSha256,
    issue: receipts.issue,
  });
}

/** Bytes that count up instead of being random. */
function countingRandom(): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at + 16 <= length; at += 16) bytes.writeUInt32BE((drawn += 1), at);
    return bytes;
  };
}

export interface Fixture extends Ingestion {
  readonly store: Store;
  readonly clock: TestClock;
  readonly timers: TestTimers;
  readonly signer: TestSigner;
  readonly directory: MeterDirectory;
  send(
    body: string | Uint8Array | object,
    more?: Partial<IngestionMessage>,
  ): ReturnType<Ingestion['service']['accept']>;
  /** Readings that count: accepted or flagged. */
  counted(): Promise<number>;
}

export interface FixtureOptions {
  readonly nowMs: number;
  readonly meters?: readonly StoredMeter[];
  readonly devices?: object;
  readonly config?: object;
  readonly profile?: BatchProfile;
  readonly inspection?: NonNullable<IngestionOptions['inspection']>;
  /** Stands between the service and the memory store. */
  readonly wrap?: (store: IngestStore) => IngestStore;
}

/** Ingestion over a fresh memory store. Ids and salts count up instead of being random. */
export async function openFixture(options: FixtureOptions): Promise<Fixture> {
  const clock = new TestClock(options.nowMs);
  const timers = new TestTimers();
  const signer = new TestSigner();
  const store = openMemoryStore({ clock });
  for (const meter of options.meters ?? []) await store.meters.register(meter, unjournaled);
  const devices = DevicesConfig.parse(options.devices ?? {});
  const directory = new MeterDirectory({
    store: store.meters,
    clock,
    maxStaleMs: devices.directoryMaxStaleMs,
    entries: devices.directoryEntries,
  });
  const ingestion = openIngestion({
    origin: ORIGIN,
    profile: options.profile ?? 'rfc9162',
    config: IngestionConfig.parse(options.config ?? {}),
    devices,
    store: options.wrap?.(store.ingest) ?? store.ingest,
    chains: store.chains,
    keys: store.keys,
    durability: store.durability,
    directory,
    signatures: new SignatureVerifier(nodeBackend),
    receiptSigner: signer,
    readDocument,
    canonicalize,
    clock,
    timers,
    random: countingRandom(),
    sha256: nativeSha256,
    ...(options.inspection === undefined ? {} : { inspection: options.inspection }),
  });
  return {
    ...ingestion,
    store,
    clock,
    timers,
    signer,
    directory,
    async send(body, more = {}) {
      const bytes =
        body instanceof Uint8Array
          ? body
          : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      return ingestion.service.accept({
        contentType: 'application/json',
        assurance: 'unsigned',
        bytes,
        ...more,
      });
    },
    async counted() {
      const { items } = await store.entries.list({ source: 'external', limit: 1000 });
      return items.filter(({ verdict }) => verdict !== 'quarantined').length;
    },
  };
}
