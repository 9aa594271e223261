import type { Journal } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import { isUnproven } from './key-changes.js';
import { keyEvent, keyFact } from './key-entries.js';
import type { KeyStore } from './key.store.js';
import type { MeterDirectory } from './meter-directory.js';
import { ownerAt } from './meter-ownership.js';
import type { MeterKey, StoredMeter } from './meter.store.js';

/** Who says what the gateway has seen itself. */
const GATEWAY = 'gateway';

/** Notes when a key of which only an operator said whose it is has signed its first reading. */
export class FirstSignatures {
  constructor(
    private readonly parts: {
      readonly store: Pick<KeyStore, 'change'>;
      readonly directory: MeterDirectory;
      readonly journal: Journal;
      readonly clock: Clock;
    },
  ) {}

  /** After the reading is committed. Once for each key, whoever asks how often; what is missed the next reading tells again. */
  async note({ meterId }: StoredMeter, { publicKey }: MeterKey, entryId: string): Promise<void> {
    const { store, directory, journal, clock } = this.parts;
    await store.change(meterId, ({ meter }) => {
      const found = meter.keys.find((key) => Buffer.compare(key.publicKey, publicKey) === 0);
      if (found === undefined || !isUnproven(found)) return undefined;
      const atMs = clock.nowMs();
      const { accountId } = ownerAt(meter, atMs);
      const occasion = { event: 'proven', meterId, accountId, actor: GATEWAY, atMs } as const;
      const more = { key_id: found.keyId, epoch: found.epoch, entry: entryId };
      const said = journal.entries([keyFact(occasion, more)]);
      return {
        keys: meter.keys.map((key) => (key === found ? { ...key, provenAtMs: atMs } : key)),
        said: { ...said, events: [keyEvent(occasion, more)] },
      };
    });
    directory.invalidate();
  }
}
