import { concat, fromHex, utf8 } from '@wattproof/core/verify';
import { OP_TAGS, type OtsOp } from './ots-op.js';
import type { DetachedTimestamp, OtsAttestation, OtsTimestamp } from './ots-timestamp.js';

/** `\0OpenTimestamps\0\0Proof\0` and eight bytes that no text has. */
export const MAGIC = fromHex('004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294');
export const MAJOR_VERSION = 1;
export const BITCOIN_TAG = '0588960d73d71901';
export const PENDING_TAG = '83dfe30d2ef90c8e';

/** The bytes of a `.ots` file, OpenTimestamps version 1. */
export function writeOts({ hash, timestamp }: DetachedTimestamp): Uint8Array {
  const head = [MAGIC, varuint(MAJOR_VERSION), Uint8Array.of(OP_TAGS[hash]), timestamp.message];
  return concat(...head, writeTimestamp(timestamp));
}

/** A timestamp without its message, as calendars answer. */
export function writeTimestamp({ attestations, branches }: OtsTimestamp): Uint8Array {
  const parts = [
    ...attestations.map((one) => concat(Uint8Array.of(0x00), writeAttestation(one))),
    ...branches.map(({ op, next }) => concat(writeOp(op), writeTimestamp(next))),
  ];
  // Every part but the last is announced.
  return concat(...parts.flatMap((part, i) => (i < parts.length - 1 ? [FORK, part] : [part])));
}

const FORK = Uint8Array.of(0xff);

function writeOp(op: OtsOp): Uint8Array {
  const tag = Uint8Array.of(OP_TAGS[op.kind]);
  return 'bytes' in op ? concat(tag, varbytes(op.bytes)) : tag;
}

function writeAttestation(attestation: OtsAttestation): Uint8Array {
  switch (attestation.kind) {
    case 'bitcoin':
      return concat(fromHex(BITCOIN_TAG), varbytes(varuint(attestation.height)));
    case 'pending':
      return concat(fromHex(PENDING_TAG), varbytes(varbytes(utf8(attestation.uri))));
    default:
      return concat(fromHex(attestation.tag), varbytes(attestation.payload));
  }
}

const varbytes = (bytes: Uint8Array): Uint8Array => concat(varuint(bytes.length), bytes);

/** LEB128. */
function varuint(value: number): Uint8Array {
  const bytes = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.of(...bytes, rest);
}
