import { applyOp, type OtsHash, type OtsOp } from './ots-op.js';

/** Deepest nesting of operations the reference client reads: its recursion limit, less the node it starts at. */
export const MAX_DEPTH = 255;

/** Somebody's word that a message existed. */
export type OtsAttestation =
  /** The message is the Merkle root, in internal byte order, of the Bitcoin block at this height. */
  | { readonly kind: 'bitcoin'; readonly height: number }
  /** A calendar that will know more later. */
  | { readonly kind: 'pending'; readonly uri: string }
  /** 8-byte tag in hex, and what follows it. */
  | { readonly kind: 'unknown'; readonly tag: string; readonly payload: Uint8Array };

/** What is attested of one message, and the messages made from it. */
export interface OtsTimestamp {
  readonly message: Uint8Array;
  readonly attestations: readonly OtsAttestation[];
  readonly branches: readonly { readonly op: OtsOp; readonly next: OtsTimestamp }[];
}

/** The timestamp of a file, without the file. */
export interface DetachedTimestamp {
  readonly hash: OtsHash;
  /** Its message is the file's digest. */
  readonly timestamp: OtsTimestamp;
}

export const attested = (
  message: Uint8Array,
  ...attestations: readonly OtsAttestation[]
): OtsTimestamp => ({ message, attestations, branches: [] });

/** The timestamp of `message` that leads through `ops` to what `end` says of the last message. */
export function chain(
  message: Uint8Array,
  ops: readonly OtsOp[],
  end: (message: Uint8Array) => OtsTimestamp,
): OtsTimestamp {
  const messages = [message];
  for (const op of ops) messages.push(applyOp(op, messages.at(-1)!));
  let next = end(messages.at(-1)!);
  for (let i = ops.length - 1; i >= 0; i -= 1)
    next = { message: messages[i]!, attestations: [], branches: [{ op: ops[i]!, next }] };
  return next;
}

/** Both timestamps of one message in one. */
export function merged(a: OtsTimestamp, b: OtsTimestamp): OtsTimestamp {
  const branches = [...a.branches];
  for (const branch of b.branches) {
    const at = branches.findIndex(({ op }) => sameOp(op, branch.op));
    const known = branches[at];
    if (known === undefined) branches.push(branch);
    else branches[at] = { op: known.op, next: merged(known.next, branch.next) };
  }
  const attestations = [...a.attestations];
  for (const attestation of b.attestations)
    if (!attestations.some((known) => JSON.stringify(known) === JSON.stringify(attestation)))
      attestations.push(attestation);
  return { message: a.message, attestations, branches };
}

/** Every attestation with the message it is of, in the order of the file. */
export function* attestationsOf(
  timestamp: OtsTimestamp,
): Generator<{ readonly attestation: OtsAttestation; readonly message: Uint8Array }> {
  for (const attestation of timestamp.attestations)
    yield { attestation, message: timestamp.message };
  for (const { next } of timestamp.branches) yield* attestationsOf(next);
}

/** Each way from the message to a block that this timestamp names, alone. */
export function* blockPaths(
  timestamp: OtsTimestamp,
): Generator<{ readonly path: OtsTimestamp; readonly height: number; readonly root: Uint8Array }> {
  const { message } = timestamp;
  for (const attestation of timestamp.attestations)
    if (attestation.kind === 'bitcoin' && message.length === 32)
      yield { path: attested(message, attestation), height: attestation.height, root: message };
  for (const { op, next } of timestamp.branches)
    for (const { path, ...rest } of blockPaths(next))
      yield { path: { message, attestations: [], branches: [{ op, next: path }] }, ...rest };
}

/** The timestamp without its ways to blocks; undefined when it has no others. */
export function withoutBlocks(timestamp: OtsTimestamp): OtsTimestamp | undefined {
  const attestations = timestamp.attestations.filter(({ kind }) => kind !== 'bitcoin');
  const branches = timestamp.branches.flatMap(({ op, next }) => {
    const rest = withoutBlocks(next);
    return rest ? [{ op, next: rest }] : [];
  });
  return attestations.length + branches.length > 0
    ? { message: timestamp.message, attestations, branches }
    : undefined;
}

function sameOp(a: OtsOp, b: OtsOp): boolean {
  if (a.kind !== b.kind) return false;
  if (!('bytes' in a) || !('bytes' in b)) return true;
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
