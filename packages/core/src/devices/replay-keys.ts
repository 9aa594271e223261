import type { JsonObject } from '../verify/contracts.js';
import type { SignatureAlgorithm } from '../verify/spki.js';
import type { KeyEvent } from './key-entries.js';
import type { MeterKey } from './meter.store.js';

/** A `device-key/1` document. */
interface KeyDocument {
  readonly event: KeyEvent;
  readonly meter: string;
  readonly key_id: string;
  readonly alg: SignatureAlgorithm;
  readonly public_key: string;
  readonly epoch: number;
  readonly valid_from: string;
  readonly previous: string;
  readonly previous_until: string;
  readonly at: string;
  readonly actor: string;
  readonly proof?: 'operator';
}

/**
 * The keys of every meter, from the documents of the `device-key/1` entries in the order of the log and from nothing else: a
 * gateway that let a key speak which is not here, or for longer, is told by its own log.
 */
export function replayKeys(
  documents: readonly JsonObject[],
): ReadonlyMap<string, readonly MeterKey[]> {
  const keysOf = new Map<string, readonly MeterKey[]>();
  for (const document of documents as unknown as readonly KeyDocument[]) {
    const { meter, event } = document;
    const before = event === 'registered' ? [] : (keysOf.get(meter) ?? []);
    keysOf.set(meter, after(before, document));
  }
  return keysOf;
}

function after(keys: readonly MeterKey[], document: KeyDocument): readonly MeterKey[] {
  const atMs = Date.parse(document.at);
  switch (document.event) {
    case 'registered':
      return [keyOf(document)];
    case 'rotated': {
      const validToMs = Date.parse(document.previous_until);
      return [
        ...keys.map((key) => (key.keyId === document.previous ? { ...key, validToMs } : key)),
        keyOf(document),
      ];
    }
    case 'corrected':
      return [
        ...keys.map((key) =>
          key.keyId === document.previous ? { ...key, revokedAtMs: atMs } : key,
        ),
        keyOf(document),
      ];
    case 'revoked':
      return keys.map((key) =>
        key.keyId === document.key_id ? { ...key, revokedAtMs: atMs } : key,
      );
    case 'recovery-approved':
      return [
        ...keys.map((key) => (key.revokedAtMs === undefined ? { ...key, revokedAtMs: atMs } : key)),
        keyOf(document),
      ];
    case 'proven':
      return keys.map((key) =>
        key.keyId === document.key_id ? { ...key, provenAtMs: atMs } : key,
      );
    case 'recovery-asked':
    case 'recovery-rejected':
      return keys;
  }
}

function keyOf(document: KeyDocument): MeterKey {
  return {
    keyId: document.key_id,
    alg: document.alg,
    publicKey: Buffer.from(document.public_key, 'base64'),
    epoch: document.epoch,
    validFromMs: Date.parse(document.valid_from),
    ...(document.proof === undefined ? {} : { statedBy: document.actor }),
  };
}
