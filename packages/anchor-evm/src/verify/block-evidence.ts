import type {
  Evidence,
  EvidenceContext,
  EvidenceVerdict,
  JsonObject,
  JsonValue,
} from '@wattproof/core/spi';
import { type BlockHeader, readHeader } from './block-header.js';
import { bytesOf, hex } from './hex.js';
import { MalformedRlp } from './rlp.js';

export type Refusal = Extract<EvidenceVerdict, { ok: false }>;
export const refuse = (code: string, detail: string): Refusal => ({ ok: false, code, detail });

/** A body's block, and the members that are particular to its type. */
export interface BlockEvidence {
  readonly header: BlockHeader;
  readonly headerBytes: Uint8Array;
  readonly members: Readonly<Record<string, JsonValue | undefined>>;
}

/** Longest way from the root of a trie to a leaf: one node per half byte of a hashed key, and the leaf. */
const MAX_NODES = 65;
const CHAIN = /^eip155:([1-9]\d{0,15})$/;

/** Chain id of a ledger in CAIP-2 form, `eip155:1`. */
export function chainIdOf(ledger: string): bigint | undefined {
  const id = CHAIN.exec(ledger)?.[1];
  return id === undefined ? undefined : BigInt(id);
}

/**
 * Reads the block of a body that has exactly the members `header`, `block_hash`, `height` and `own`, and has `check` judge
 * the rest. What is no RLP is `evidence_malformed`.
 */
export async function inBlock(
  evidence: Evidence,
  own: readonly string[],
  context: EvidenceContext,
  check: (block: BlockEvidence) => { readonly statement: string } | Refusal,
): Promise<EvidenceVerdict> {
  try {
    const block = readBlock(evidence.body, own);
    if ('code' in block) return block;
    if (chainIdOf(evidence.ledger) === undefined)
      return refuse('ledger_unknown', `${JSON.stringify(evidence.ledger)} is not eip155:CHAIN_ID`);
    const checked = check(block);
    if ('code' in checked) return checked;
    return await judgeHeader(block, checked.statement, evidence, context);
  } catch (cause) {
    if (cause instanceof MalformedRlp) return refuse('evidence_malformed', cause.message);
    throw cause;
  }
}

/** The nodes of a trie proof; undefined when the member is not a list of them. */
export function nodesOf(value: JsonValue | undefined): readonly Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_NODES) return undefined;
  const nodes = (value as readonly JsonValue[]).map(bytesOf);
  return nodes.every((node) => node !== undefined) ? nodes : undefined;
}

function readBlock(body: JsonObject, own: readonly string[]): BlockEvidence | Refusal {
  const expected = ['block_hash', 'header', 'height', ...own].sort().join();
  const keys = Object.keys(body).sort().join();
  if (keys !== expected)
    return refuse('evidence_malformed', `fields ${keys}; expected ${expected}`);
  const headerBytes = bytesOf(body['header']);
  if (!headerBytes) return refuse('evidence_malformed', 'header is not lower-case hex');
  const header = readHeader(headerBytes);
  if (header.hash !== body['block_hash'])
    return refuse(
      'header_mismatch',
      `the header hashes to ${header.hash}, not to ${JSON.stringify(body['block_hash'])}`,
    );
  if (header.number !== body['height'])
    return refuse(
      'height_mismatch',
      `the header is of block ${header.number}, not ${JSON.stringify(body['height'])}`,
    );
  return { header, headerBytes, members: body };
}

/**
 * A header says nothing about which chain it is on; whoever verifies brings the headers he trusts. Evidence that calls itself
 * `operator` (a layer-2 block whose batch is not final on layer 1) is never raised above that.
 */
async function judgeHeader(
  { header, headerBytes }: BlockEvidence,
  statement: string,
  { ledger, trust }: Evidence,
  { headers }: EvidenceContext,
): Promise<EvidenceVerdict> {
  if (trust !== 'light-client' && trust !== 'operator')
    return refuse('evidence_malformed', `a header proves light-client or operator, not ${trust}`);
  const where = `${statement} in block ${header.number} (0x${header.hash}) of ${ledger}`;
  const notAfterMs = header.timeS * 1000;
  const word = (why: string): EvidenceVerdict => ({
    ok: true,
    trust: 'operator',
    statement: `${where}; ${why}`,
    notAfterMs,
  });
  if (!headers)
    return word("that this block is on the chain is the operator's word, no headers were given");
  const known = await headers.header(ledger, { height: header.number });
  if (!known) return word('the given headers do not reach this height');
  if (hex(known) !== hex(headerBytes))
    return refuse(
      'header_not_on_chain',
      `the given headers have another block at height ${header.number}`,
    );
  if (trust === 'operator')
    return word(
      'the given headers confirm it; that layer 1 has it was not yet final when this was written',
    );
  return {
    ok: true,
    trust: 'light-client',
    statement: `${where}, which the given headers confirm`,
    notAfterMs,
  };
}
