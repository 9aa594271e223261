import { fromBase64, fromHex, toHex } from '../../verify/bytes.js';
import type {
  Commitment,
  Evidence,
  EvidenceContext,
  EvidenceVerdict,
  EvidenceVerifier,
} from '../../verify/contracts.js';
import { verifyEd25519 } from '../../verify/ed25519.js';
import { verifyInclusion } from '../../verify/inclusion.js';
import { type NoteKey, parseVkey } from '../../verify/note.js';
import { Shape } from '../../verify/shape.js';
import { anchorRecord, anchorRecordText } from './anchor-record.js';
import { blockMessage, readHeader, transactionLeaf } from './block.js';

export const LOCAL_EVIDENCE = 'local-ledger/1';

/** Body of `local-ledger/1`: a signed header, the record, and the path from the record to the header's root. */
export interface LocalEvidenceBody {
  readonly [key: string]: string | number | readonly string[];
  readonly header: string;
  /** Base64, Ed25519 over `wattproof/local-block/v1\n` ‖ header. */
  readonly signature: string;
  readonly key: string;
  readonly record: string;
  readonly index: number;
  readonly path: readonly string[];
}

const refuse = (code: string, detail: string): EvidenceVerdict => ({ ok: false, code, detail });

/**
 * Checks evidence of the gateway's own ledger: proves that the operator's ledger key signed a block that
 * commits to the commitment. It rests on the operator's word, so its trust is `operator`; under a key that
 * nobody pinned it is self-asserted.
 */
export const localLedgerVerifier: EvidenceVerifier = {
  type: LOCAL_EVIDENCE,
  async verify(commitment, evidence, context) {
    try {
      return verdictOf(commitment, evidence, context);
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unreadable';
      return refuse('evidence_malformed', detail);
    }
  },
};

function verdictOf(
  commitment: Commitment,
  evidence: Evidence,
  context: EvidenceContext,
): EvidenceVerdict {
  const shape = new Shape(evidence.body, 'body', [
    'header',
    'signature',
    'key',
    'record',
    'index',
    'path',
  ]);
  const body = evidence.body as LocalEvidenceBody;
  for (const name of ['header', 'signature', 'key', 'record'] as const)
    if (typeof shape.raw(name) !== 'string')
      return refuse('evidence_malformed', `${name} is no text`);
  if (!Array.isArray(body.path) || !Number.isSafeInteger(body.index))
    return refuse('evidence_malformed', 'index or path are not what they should be');

  if (body.record !== anchorRecordText(commitment))
    return refuse('evidence_other_commitment', 'the record speaks of another commitment');
  const header = readHeader(body.header);
  if (header.origin !== commitment.origin || evidence.ledger !== `local:${commitment.origin}`)
    return refuse('evidence_other_commitment', `the block belongs to ${header.origin}`);
  if (evidence.trust !== 'operator')
    return refuse('evidence_malformed', `a ledger of the operator's own is no ${evidence.trust}`);

  const key = parseVkey(body.key);
  if (key.name !== `${commitment.origin}/ledger` || key.type !== 'ed25519')
    return refuse(
      'evidence_wrong_key',
      `${key.name} is not the ledger key of ${commitment.origin}`,
    );
  const pinned = context.trustedKeys.map(readKey).filter((trusted) => trusted?.name === key.name);
  if (pinned.length > 0 && !context.trustedKeys.includes(body.key))
    return refuse(
      'evidence_wrong_key',
      `signed by ${body.key}, which is not the pinned ledger key`,
    );
  if (!verifyEd25519(fromBase64(body.signature), blockMessage(body.header), key.publicKey))
    return refuse('evidence_bad_signature', 'the signature of the block does not verify');

  const path = body.path.map((step) => lowerHex(step));
  const root = fromHex(header.root);
  const leaf = transactionLeaf(anchorRecord(commitment));
  const { index } = body;
  if (!verifyInclusion({ profile: 'rfc9162', leaf, index, size: header.count, path, root }))
    return refuse('evidence_not_in_block', 'the block does not commit to the record');
  return {
    ok: true,
    trust: 'operator',
    statement:
      `block ${header.number} of the operator's own ledger commits to it` +
      (pinned.length > 0 ? '' : `, self-asserted under ${body.key}, which is not pinned`),
    notAfterMs: header.timeMs,
  };
}

function readKey(vkey: string): NoteKey | undefined {
  try {
    return parseVkey(vkey);
  } catch {
    return undefined;
  }
}

/** One byte string has one form here, or evidence could be changed without changing. */
function lowerHex(text: unknown): Uint8Array {
  const bytes = fromHex(String(text));
  if (toHex(bytes) !== text) throw new RangeError('hex is written in lower case');
  return bytes;
}
