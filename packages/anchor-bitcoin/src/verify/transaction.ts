/** A Bitcoin transaction as far as a proof needs it, read strictly. */
export interface TransactionFacts {
  /** Serialisation without witness: what the txid commits to (BIP-141). */
  readonly stripped: Uint8Array;
  readonly outputs: readonly { readonly valueSat: bigint; readonly script: Uint8Array }[];
  /** Script of the input when it spends nothing: a coinbase. */
  readonly coinbaseScript: Uint8Array | undefined;
  /** Whether a witness came with it. */
  readonly witness: boolean;
}

export class MalformedTransaction extends Error {
  override readonly name = 'MalformedTransaction';
}

const MAX_BYTES = 400_000;

/** Reads a transaction with or without witness. Throws `MalformedTransaction` on anything left over or cut short. */
export function readTransaction(bytes: Uint8Array): TransactionFacts {
  if (bytes.length > MAX_BYTES)
    throw new MalformedTransaction(
      `${bytes.length} bytes are more than a standard transaction may have.`,
    );
  const cursor = new Cursor(bytes);
  const version = cursor.take(4);
  const segwit = cursor.peek(0) === 0 && cursor.peek(1) === 1;
  if (segwit) cursor.take(2);
  const bodyStart = cursor.offset;
  const inputCount = cursor.compactSize();
  if (inputCount === 0) throw new MalformedTransaction('A transaction needs an input.');
  let coinbaseScript: Uint8Array | undefined;
  for (let i = 0; i < inputCount; i += 1) {
    const previous = cursor.take(32);
    const index = cursor.take(4);
    const script = cursor.take(cursor.compactSize());
    const spendsNothing =
      previous.every((byte) => byte === 0) && index.every((byte) => byte === 0xff);
    if (inputCount === 1 && spendsNothing) coinbaseScript = script;
    cursor.take(4);
  }
  const outputCount = cursor.compactSize();
  const outputs = [];
  for (let i = 0; i < outputCount; i += 1) {
    const valueSat = cursor.uint64();
    outputs.push({ valueSat, script: cursor.take(cursor.compactSize()) });
  }
  const body = bytes.slice(bodyStart, cursor.offset);
  if (segwit) {
    for (let i = 0; i < inputCount; i += 1) {
      const items = cursor.compactSize();
      for (let item = 0; item < items; item += 1) cursor.take(cursor.compactSize());
    }
  }
  const lockTime = cursor.take(4);
  if (cursor.offset !== bytes.length)
    throw new MalformedTransaction(`${bytes.length - cursor.offset} bytes are left over.`);
  const stripped = new Uint8Array(version.length + body.length + lockTime.length);
  stripped.set(version, 0);
  stripped.set(body, version.length);
  stripped.set(lockTime, version.length + body.length);
  return { stripped, outputs, coinbaseScript, witness: segwit };
}

/** True for bytes that may be two hashes side by side: an inner node of the block's tree (CVE-2017-12842). */
export function isAmbiguous(transaction: Uint8Array): boolean {
  return transaction.length === 64;
}

/** True for a script that is exactly OP_RETURN and one push of these 32 bytes. */
export function commitsTo(script: Uint8Array, digest: Uint8Array): boolean {
  if (script.length !== 34 || script[0] !== 0x6a || script[1] !== 0x20 || digest.length !== 32)
    return false;
  return digest.every((byte, i) => script[i + 2] === byte);
}

/** The block height a coinbase states as its first push (BIP-34); undefined when it states none. */
export function statedHeight(coinbaseScript: Uint8Array): number | undefined {
  const first = coinbaseScript[0];
  if (first === undefined) return undefined;
  if (first === 0) return 0;
  // OP_1 … OP_16, which the first blocks of a test chain use.
  if (first >= 0x51 && first <= 0x60) return first - 0x50;
  if (first > 5 || coinbaseScript.length < first + 1) return undefined;
  let height = 0;
  for (let i = first; i >= 1; i -= 1) height = height * 256 + (coinbaseScript[i] as number);
  return height;
}

class Cursor {
  offset = 0;

  constructor(private readonly bytes: Uint8Array) {}

  peek(ahead: number): number | undefined {
    return this.bytes[this.offset + ahead];
  }

  take(length: number): Uint8Array {
    if (this.offset + length > this.bytes.length)
      throw new MalformedTransaction(`Cut short at byte ${this.offset}.`);
    const part = this.bytes.slice(this.offset, this.offset + length);
    this.offset += length;
    return part;
  }

  /** Bitcoin's CompactSize; only the shortest form is accepted. */
  compactSize(): number {
    const first = (this.take(1) as [number] & Uint8Array)[0];
    if (first < 0xfd) return first;
    const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    const part = this.take(width);
    let value = 0;
    for (let i = width - 1; i >= 0; i -= 1) value = value * 256 + (part[i] as number);
    const least = width === 2 ? 0xfd : width === 4 ? 0x1_0000 : 0x1_0000_0000;
    if (value < least || value > MAX_BYTES)
      throw new MalformedTransaction(`A length of ${value} cannot stand here.`);
    return value;
  }

  uint64(): bigint {
    const part = this.take(8);
    let value = 0n;
    for (let i = 7; i >= 0; i -= 1) value = value * 256n + BigInt(part[i] as number);
    return value;
  }
}
