import { createHash } from 'node:crypto';

export const doubleSha256 = (bytes: Uint8Array): Buffer =>
  createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest();

const varbytes = (bytes: Uint8Array) => Buffer.concat([Buffer.of(bytes.length), bytes]);

/** A transaction without witness that spends output 0 of `spent` into one output with this script. */
export function transaction(
  spent: Uint8Array,
  script: Uint8Array,
  input = Buffer.alloc(0),
): Buffer {
  const index = spent.every((byte) => byte === 0) ? 0xffffffff : 0;
  const outpoint = Buffer.alloc(36);
  outpoint.set(spent);
  outpoint.writeUInt32LE(index, 32);
  return Buffer.concat([
    Buffer.from('0200000001', 'hex'),
    outpoint,
    varbytes(input),
    Buffer.from('ffffffff01', 'hex'),
    Buffer.alloc(8),
    varbytes(script),
    Buffer.alloc(4),
  ]);
}

/** OP_RETURN and these 32 bytes. */
export const commitment = (digest: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(0x6a, 0x20), digest]);

/** A coinbase that states the height (BIP-34). */
export function coinbase(height: number): Buffer {
  const stated = Buffer.of(3, height & 255, (height >> 8) & 255, (height >> 16) & 255);
  return transaction(Buffer.alloc(32), Buffer.of(0x51), stated);
}

/** Levels of Bitcoin's tree over these leaves, from the leaves to the root: an odd last node is its own partner. */
export function levels(leaves: readonly Buffer[]): Buffer[][] {
  const rows = [[...leaves]];
  while (rows.at(-1)!.length > 1) {
    const below = rows.at(-1)!;
    const row: Buffer[] = [];
    for (let i = 0; i < below.length; i += 2)
      row.push(doubleSha256(Buffer.concat([below[i]!, below[i + 1] ?? below[i]!])));
    rows.push(row);
  }
  return rows;
}

/** Siblings from leaf to root. */
export const branch = (rows: readonly Buffer[][], index: number): Buffer[] =>
  rows.slice(0, -1).map((row, level) => {
    const at = index >> level;
    return row[at % 2 === 0 ? Math.min(at + 1, row.length - 1) : at - 1]!;
  });

/** A header over this root that meets regtest's target, which takes two tries. */
export function header(root: Uint8Array, bits = 0x207fffff): Buffer {
  const bytes = Buffer.alloc(80);
  bytes.set(root, 36);
  bytes.writeUInt32LE(1_760_000_000, 68);
  bytes.writeUInt32LE(bits, 72);
  for (let nonce = 0; doubleSha256(bytes)[31]! > 0x7f; nonce += 1) bytes.writeUInt32LE(nonce, 76);
  return bytes;
}
