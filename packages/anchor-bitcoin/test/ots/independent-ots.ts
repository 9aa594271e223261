// A second reading of the OpenTimestamps format, written from its specification and sharing nothing with the product.
import { createHash } from 'node:crypto';

const MAGIC = Buffer.from('004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294', 'hex');

export interface Attested {
  readonly tag: string;
  readonly payload: Buffer;
  readonly message: Buffer;
  readonly operations: number;
}

/** Every attestation of a file with the message it is of, after hashing through all operations. */
export function independentOts(file: Uint8Array): { digest: string; attested: Attested[] } {
  const bytes = Buffer.from(file);
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = take(1)[0]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  if (!take(MAGIC.length).equals(MAGIC) || number() !== 1) throw new Error('not version 1');
  if (take(1)[0] !== 8) throw new Error('not the SHA-256 of a file');
  const digest = take(32);
  const attested: Attested[] = [];
  const walk = (message: Buffer, operations: number): void => {
    if (operations > 255) throw new Error('too deep');
    for (;;) {
      let tag = take(1)[0]!;
      const more = tag === 0xff;
      if (more) tag = take(1)[0]!;
      if (tag === 0)
        attested.push({
          tag: take(8).toString('hex'),
          payload: take(number()),
          message,
          operations,
        });
      else if (tag === 0xf0) walk(Buffer.concat([message, take(number())]), operations + 1);
      else if (tag === 0xf1) {
        const front = take(number());
        walk(Buffer.concat([front, message]), operations + 1);
      } else if (tag === 8) walk(createHash('sha256').update(message).digest(), operations + 1);
      else throw new Error(`operation ${tag}`);
      if (!more) return;
    }
  };
  walk(digest, 0);
  if (at !== bytes.length) throw new Error('left over');
  return { digest: digest.toString('hex'), attested };
}

/** The height in a Bitcoin attestation. */
export function heightOf({ tag, payload }: Attested): number {
  if (tag !== '0588960d73d71901') throw new Error(`attestation ${tag}`);
  return payload.reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0);
}
