import type { CoveringEvidence } from '../../anchoring/anchor.store.js';
import type { Evidence } from '../../spi/index.js';
import { COVERING_INTENT_STATES } from '../anchor-states.js';
import { GatheredReads, hiddenArray } from './gathered-reads.js';
import type { Sql } from './sql.js';

interface EvidenceRow {
  readonly anchor: string;
  readonly asked: bigint;
  readonly size: bigint;
  readonly evidence: string;
}

/** The newest evidence of the smallest covering commitment, for each asked anchor and size. */
const EVIDENCE = `SELECT a.anchor, a.size AS asked, i.size, i.evidence
  FROM unnest(${hiddenArray(1, 'text')}, ${hiddenArray(2, 'int8')}) AS a (anchor, size)
  CROSS JOIN LATERAL (SELECT c.size,
      (SELECT e.evidence FROM anchor_evidence e WHERE e.intent_id = c.id ORDER BY e.id DESC LIMIT 1) AS evidence
    FROM anchor_intent c
    WHERE c.anchor = a.anchor AND c.state IN (${quoted(COVERING_INTENT_STATES)}) AND c.size >= a.size
    ORDER BY c.size, c.created_at_ms LIMIT 1) i
  WHERE i.evidence IS NOT NULL`;

/** What proofs show of anchors. Never remembered: a ledger may take a commitment back. */
export class EvidenceReads {
  readonly #reads: GatheredReads<CoveringEvidence>;

  constructor(
    private readonly sql: Sql,
    limits: { readonly maxWaiting: number },
  ) {
    const gathered = { statements: 1, keys: limits.maxWaiting };
    this.#reads = new GatheredReads((keys) => this.read(keys), gathered);
  }

  covering(anchor: string, size: bigint): Promise<CoveringEvidence | undefined> {
    return this.#reads.get(keyOf(anchor, size));
  }

  private async read(keys: readonly string[]): Promise<ReadonlyMap<string, CoveringEvidence>> {
    const asked = keys.map((key) => JSON.parse(key) as readonly [string, string]);
    const rows = await this.sql.query<EvidenceRow>(
      EVIDENCE,
      [asked.map(([anchor]) => anchor), asked.map(([, size]) => size)],
      { prepare: 'wattproof_evidence' },
    );
    return new Map(
      rows.map(({ anchor, asked: least, size, evidence }) => [
        keyOf(anchor, least),
        { size, evidence: JSON.parse(evidence) as Evidence },
      ]),
    );
  }
}

function keyOf(anchor: string, size: bigint): string {
  return JSON.stringify([anchor, String(size)]);
}

export function quoted(states: readonly string[]): string {
  return states.map((state) => `'${state}'`).join(', ');
}
