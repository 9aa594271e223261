import { DevicesConfig } from '../../src/devices/devices.config.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { KeyService, type KeyPrincipal } from '../../src/devices/key.service.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import type { JsonObject } from '../../src/verify/contracts.js';
import { recoverMessage, rotateMessage } from '../../src/verify/device-signing.js';
import {
  type Fixture,
  type FixtureOptions,
  openFixture,
  ORIGIN,
} from '../ingestion/ingestion-fixture.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';

export const NOW = Date.UTC(2026, 10, 21, 12);
export const HOUR = 3_600_000;

/** Ingestion and the keys' service over one memory store. */
export interface KeyWorld extends Fixture {
  readonly keys: KeyService;
  nonce(): Promise<string>;
  /** Documents of `device-key/1` entries, oldest first. */
  said(): Promise<JsonObject[]>;
  /** Body of a rotation, signed by both keys. */
  rotation(meterId: string, old: TestKey, next: TestKey, more?: object): Promise<object>;
  recovery(meterId: string, next: TestKey, more?: object): Promise<object>;
}

export async function openKeys(options: Partial<FixtureOptions> = {}): Promise<KeyWorld> {
  const fixture = await openFixture({ nowMs: NOW, ...options });
  const { store, directory, clock, journal } = fixture;
  let drawn = 0;
  const random = (length: number): Uint8Array => Buffer.alloc(length, (drawn += 1));
  const keys = new KeyService({
    store: store.keys,
    meters: store.meters,
    directory,
    signatures: new SignatureVerifier(nodeBackend),
    clock,
    random,
    sha256: nativeSha256,
    config: DevicesConfig.parse(options.devices ?? {}),
    journal,
    origin: ORIGIN,
  });
  const nonce = async (): Promise<string> => {
    const text = Buffer.from(random(16)).toString('hex');
    await store.meters.putChallenge(text, 300_000);
    return text;
  };
  return {
    ...fixture,
    keys,
    nonce,
    async said() {
      const { items } = await store.entries.list({ type: 'device-key', limit: 100 });
      return items.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()) as JsonObject);
    },
    async rotation(meterId, old, next, more = {}) {
      const challenge = await nonce();
      const message = rotateMessage(ORIGIN, meterId, old.keyId, next.keyId, challenge);
      return {
        public_key: next.spki.toString('base64'),
        alg: next.alg,
        nonce: challenge,
        old_key_id: old.keyId,
        signatures: { old: base64(old.sign(message)), new: base64(next.sign(message)) },
        ...more,
      };
    },
    async recovery(meterId, next, more = {}) {
      const challenge = await nonce();
      const message = recoverMessage(ORIGIN, meterId, next.keyId, challenge);
      return {
        public_key: next.spki.toString('base64'),
        alg: next.alg,
        nonce: challenge,
        signature: base64(next.sign(message)),
        reason: 'fell into the lake',
        ...more,
      };
    },
  };
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export const owner: KeyPrincipal = { id: 'key-of-owner', accountId: 'house', role: 'owner' };
export const admin: KeyPrincipal = { id: 'admin', accountId: 'admin', role: 'admin' };

/** A meter of the account `house`. */
export const device = (meterId = 'meter-1', key?: TestKey): TestDevice =>
  new TestDevice(meterId, key);
export const stored = (one: TestDevice) =>
  one.stored('active', { accountId: 'house', admitted: true });
