import { describe, expect, it } from '@jest/globals';
import { createFleet, readingDocument, SimulatedDevice } from '../../src/simulator/index.js';
import {
  batchItemLeaf,
  batchItemNonce,
  batchMessage,
  canonicalize,
  decodeSpki,
  fromBase64,
  keyIdOf,
  logHash,
  merkleRoot,
  readingMessage,
  registerMessage,
  verifyEd25519,
} from '../../src/verify/index.js';

const [{ meter, device }] = createFleet({ seed: 1, size: 1 }) as [
  ReturnType<typeof createFleet>[number],
];
const documents = [0, 1, 2].map((second) =>
  readingDocument(meter, meter.interval(second * 1000, second * 1000 + 1000), second),
);

function isSignedBy(signer: SimulatedDevice, value: string, message: Uint8Array): boolean {
  const key = decodeSpki(fromBase64(signer.publicKey));
  return key !== undefined && verifyEd25519(fromBase64(value), message, key.key);
}

describe('a simulated device', () => {
  it('signs a reading that verifies, under its own key and for these bytes only', () => {
    const { signature } = device.signReading('reading/1', documents[0]!);
    expect(signature.key_id).toBe(keyIdOf(fromBase64(device.publicKey)));
    const message = (index: number): Uint8Array =>
      readingMessage('reading/1', device.keyId, canonicalize('reading/1', documents[index]!));
    expect(isSignedBy(device, signature.value, message(0))).toBe(true);
    expect(isSignedBy(device, signature.value, message(1))).toBe(false);
    expect(isSignedBy(new SimulatedDevice('another'), signature.value, message(0))).toBe(false);
  });

  it('signs a batch whose root covers every item in its place', () => {
    const nonce = new Uint8Array(32).fill(7);
    const { signature } = device.signBatch('reading/1', documents, nonce) as {
      signature: { value: string };
    };
    const rootOf = (items: readonly object[]): Uint8Array =>
      merkleRoot(
        'rfc9162',
        items.map((item, index) =>
          batchItemLeaf(batchItemNonce(nonce, index), logHash(canonicalize('reading/1', item))),
        ),
      );
    const message = (items: readonly object[]): Uint8Array =>
      batchMessage(device.keyId, items.length, rootOf(items));
    expect(isSignedBy(device, signature.value, message(documents))).toBe(true);
    expect(isSignedBy(device, signature.value, message(documents.toReversed()))).toBe(false);
  });

  it('proves the possession of its key for one log, one meter and one challenge', () => {
    const proof = device.proveWith('log.example/a', meter.meterId, 'challenge');
    const message = (origin: string, nonce: string): Uint8Array =>
      registerMessage(origin, meter.meterId, device.keyId, nonce);
    expect(isSignedBy(device, proof, message('log.example/a', 'challenge'))).toBe(true);
    expect(isSignedBy(device, proof, message('log.example/b', 'challenge'))).toBe(false);
    expect(isSignedBy(device, proof, message('log.example/a', 'another'))).toBe(false);
  });
});
