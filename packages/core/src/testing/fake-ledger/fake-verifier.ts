import type { EvidenceVerifier, HeaderSource } from '../../spi/index.js';
import { equal, fromHex, toHex, utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';
import { decodeFake, fakeTxId } from './fake-transaction.js';
import type { FakeLedger } from './fake-ledger.js';

/** Headers of the fake ledger's best chain, as a verifier would get them from a node it trusts. */
export const fakeHeaders = (ledger: FakeLedger): HeaderSource => ({
  async header(_name, { height }) {
    const block = height === undefined ? undefined : ledger.header(height);
    return block && utf8(block.header);
  },
});

const refuse = (code: string, detail: string) => ({ ok: false, code, detail }) as const;

/** Evidence of the fake ledger: a header that lists the transaction, and the transaction. */
export const fakeVerifier: EvidenceVerifier = {
  type: 'fake/1',
  async verify(commitment, evidence, { headers }) {
    const { header, tx: hex, ...rest } = evidence.body;
    if (typeof header !== 'string' || typeof hex !== 'string' || Object.keys(rest).length > 0)
      return refuse('evidence_malformed', 'header and tx are expected, nothing else');
    try {
      const bytes = fromHex(hex);
      const tx = decodeFake(bytes);
      if (tx.digest !== toHex(commitment.digest))
        return refuse('evidence_other_commitment', `the transaction carries ${tx.digest}`);
      if (tx.origin !== commitment.origin || tx.size !== commitment.size.toString())
        return refuse('evidence_other_commitment', 'origin or size differ');
      const block = JSON.parse(header) as { height: number; timeMs: number; txIds: string[] };
      if (!block.txIds.includes(fakeTxId(bytes)))
        return refuse('evidence_not_in_block', 'the header does not list the transaction');
      const known = await headers?.header(evidence.ledger, { height: block.height });
      if (!known) return refuse('evidence_header_unknown', `no header at ${block.height}`);
      if (!equal(sha256(known), sha256(utf8(header))))
        return refuse('evidence_header_differs', `another block is at ${block.height}`);
      return {
        ok: true,
        trust: 'rpc-quorum',
        statement: `included in block ${block.height} of the fake ledger`,
        notAfterMs: block.timeMs,
      };
    } catch {
      return refuse('evidence_malformed', 'header or tx cannot be read');
    }
  },
};
