import type {
  Evidence,
  EvidenceContext,
  EvidenceVerdict,
  EvidenceVerifier,
} from '@wattproof/core/spi';
import { hasWork, networkOfLedger } from '../known-chains.js';
import { bytesOf, hex, readHeader } from '../block-header.js';
import { OtsError } from './ots-error.js';
import { attestationsOf } from './ots-timestamp.js';
import { readTimestamp } from './read-ots.js';
import { writeTimestamp } from './write-ots.js';

/** Evidence type of an OpenTimestamps proof from the commitment to a Bitcoin block. */
export const OPENTIMESTAMPS_EVIDENCE = 'bitcoin-opentimestamps/1';

const refuse = (code: string, detail: string) => ({ ok: false as const, code, detail });

/**
 * Checks `bitcoin-opentimestamps/1`: commitment → operations → Merkle root of a header → the header source. `body` is
 * `{timestamp, header, height}`: one path with one attestation, in OpenTimestamps' own bytes. With a header source the level
 * is `spv-pow`; without one only the operator says that the header belongs to the best chain.
 */
export const openTimestampsVerifier: EvidenceVerifier = {
  type: OPENTIMESTAMPS_EVIDENCE,
  async verify(commitment, evidence, context) {
    const { timestamp, header: headerHex, height, ...rest } = evidence.body;
    const bytes = bytesOf(timestamp);
    const headerBytes = bytesOf(headerHex);
    const header = headerBytes && readHeader(headerBytes);
    if (!bytes || !header || typeof height !== 'number' || Object.keys(rest).length > 0)
      return refuse('evidence_malformed', 'timestamp, header and height are expected, no more');
    if (evidence.trust !== 'spv-pow')
      return refuse(
        'evidence_malformed',
        `a block of Bitcoin proves spv-pow, not ${evidence.trust}`,
      );
    try {
      const read = readTimestamp(bytes, commitment.digest);
      if (hex(writeTimestamp(read)) !== timestamp)
        return refuse('evidence_malformed', 'the timestamp is not written in its one form');
      const [first, ...more] = attestationsOf(read);
      if (first?.attestation.kind !== 'bitcoin' || more.length > 0)
        return refuse('evidence_malformed', 'exactly one attestation, by Bitcoin, is expected');
      if (first.attestation.height !== height)
        return refuse('height_mismatch', `the attestation is of block ${first.attestation.height}`);
      if (hex(first.message) !== hex(header.merkleRoot))
        return refuse('branch_mismatch', 'the operations do not lead to the header');
    } catch (cause) {
      if (cause instanceof OtsError) return refuse('evidence_malformed', cause.message);
      throw cause;
    }
    const network = networkOfLedger(evidence.ledger);
    if (network === undefined)
      return refuse('ledger_unknown', `${JSON.stringify(evidence.ledger)} is no Bitcoin network`);
    if (!hasWork(header, network))
      return refuse('work_missing', `the header has not the proof of work of ${network}`);
    return judge({ height, headerBytes }, evidence, context);
  },
};

async function judge(
  { height, headerBytes }: { readonly height: number; readonly headerBytes: Uint8Array },
  { ledger }: Evidence,
  { headers }: EvidenceContext,
): Promise<EvidenceVerdict> {
  const header = readHeader(headerBytes)!;
  const where = `a transaction of block ${height} (${header.hash}) of ${ledger}`;
  const notAfterMs = header.timeS * 1000;
  const known = await headers?.header(ledger, { height });
  if (!known) {
    const why = headers ? 'the given headers do not reach this height' : 'no headers were given';
    const statement = `${where}, on the best chain by the operator's word: ${why}`;
    return { ok: true, trust: 'operator', statement, notAfterMs };
  }
  if (hex(known) !== hex(headerBytes))
    return refuse(
      'header_not_on_chain',
      `the given headers have another block at height ${height}`,
    );
  return {
    ok: true,
    trust: 'spv-pow',
    statement: `${where}, which the given headers confirm`,
    notAfterMs,
  };
}
