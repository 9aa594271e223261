import { generateKeyPairSync, sign } from 'node:crypto';
import { concat, fromHex, toHex, utf8 } from '../../../src/verify/bytes.js';
import { verifyEcdsa } from '../../../src/verify/ecdsa.js';
import { decodeSpki } from '../../../src/verify/spki.js';

const CURVES = [
  ['ES256', 'prime256v1', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  ['ES256K', 'secp256k1', 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n],
] as const;

describe.each(CURVES)('%s', (alg, namedCurve, order) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const message = utf8('a reading');
  const made = new Uint8Array(
    sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  );
  const s = BigInt(`0x${toHex(made.slice(32))}`);
  const withS = (value: bigint): Uint8Array =>
    concat(made.slice(0, 32), fromHex(value.toString(16).padStart(64, '0')));
  const low = withS(s > order / 2n ? order - s : s);
  const high = withS(s > order / 2n ? s : order - s);

  it('reads the key and accepts the signature with s ≤ n/2 only', () => {
    const key = decodeSpki(spki);
    expect(key?.alg).toBe(alg);
    expect(verifyEcdsa(alg, low, message, key!.key)).toBe(true);
    expect(verifyEcdsa(alg, high, message, key!.key)).toBe(false);
    expect(verifyEcdsa(alg, low, utf8('another'), key!.key)).toBe(false);
    expect(verifyEcdsa(alg, low.slice(1), message, key!.key)).toBe(false);
    expect(
      verifyEcdsa(
        alg,
        low,
        message,
        key!.key.map((b, i) => (i === 9 ? b ^ 1 : b)),
      ),
    ).toBe(false);
  });
});
