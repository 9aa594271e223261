import {
  type Anchor,
  AnchorError,
  type AnchorIntent,
  type AnchorPorts,
  type AnchorQuote,
  type Attempt,
  type Draft,
  type Evidence,
  type Health,
  type Observation,
  type SignedAttempt,
} from '../../spi/index.js';
import { fromHex, fromUtf8, toHex } from '../../verify/bytes.js';
import { inclusionProof } from '../../verify/inclusion.js';
import { anchorRecord } from './anchor-record.js';
import { gasOf, transactionId, transactionLeaf } from './block.js';
import { reachingLedger } from './ledger-errors.js';
import { type LocalLedger, recordsOf } from './local-ledger.js';
import { LOCAL_EVIDENCE, type LocalEvidenceBody } from './verify.js';

/** The gateway's own ledger as an anchor. A commitment decides its transaction, so nothing can be paid or published twice. */
export class LocalAnchor implements Anchor {
  constructor(
    private readonly ledger: LocalLedger,
    private readonly instanceId: string,
    private readonly origin: string,
    readonly ports: AnchorPorts,
  ) {}

  async quote(intent: AnchorIntent): Promise<AnchorQuote> {
    return { fee: this.#fee(anchorRecord(intent.commitment)) };
  }

  async prepare(intent: AnchorIntent): Promise<Draft> {
    const record = anchorRecord(intent.commitment);
    return {
      conflictKey: toHex(intent.commitment.digest),
      fee: this.#fee(record),
      payload: { record: fromUtf8(record) },
    };
  }

  async sign(intent: AnchorIntent): Promise<SignedAttempt> {
    return this.#attemptOf(intent);
  }

  async broadcast(attempt: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'> {
    if (signal.aborted) throw new AnchorError('unavailable', 'told to stop: nothing was sent');
    const { size, digest } = committedIn(attempt.signed);
    return reachingLedger('take a transaction', () =>
      this.ledger.append([attempt.signed], { size, digest }),
    );
  }

  async observe(attempts: readonly Attempt[]): Promise<readonly Observation[]> {
    return reachingLedger('be read', async () => {
      const head = await this.ledger.head();
      const observations: Observation[] = [];
      for (const { txId } of attempts) {
        const placed = await this.ledger.transaction(txId);
        if (!placed) observations.push({ txId, status: 'missing' });
        else {
          const { number: height, timeMs: blockTimeMs } = placed.header;
          const depth = Math.max(1, (head?.number ?? height) - height + 1);
          const inclusion = { height, blockHash: placed.hash, blockTimeMs, depth };
          observations.push({ txId, status: 'final', inclusion });
        }
      }
      return observations;
    });
  }

  async evidence(intent: AnchorIntent, attempt: Attempt): Promise<Evidence> {
    const placed = await reachingLedger('be read', () => this.ledger.transaction(attempt.txId));
    if (!placed) throw new AnchorError('not-found', `${attempt.txId} is in no block`);
    const records = recordsOf(placed.block);
    const body: LocalEvidenceBody = {
      header: placed.block.header,
      signature: placed.block.signature,
      key: placed.block.key,
      record: fromUtf8(anchorRecord(intent.commitment)),
      index: placed.index,
      path: inclusionProof('rfc9162', records.map(transactionLeaf), placed.index).map(toHex),
    };
    return {
      type: LOCAL_EVIDENCE,
      anchor: this.instanceId,
      ledger: `local:${this.origin}`,
      trust: 'operator',
      body,
    };
  }

  async findExisting(intent: AnchorIntent): Promise<SignedAttempt | undefined> {
    const attempt = this.#attemptOf(intent);
    const placed = await reachingLedger('be read', () => this.ledger.transaction(attempt.txId));
    return placed && attempt;
  }

  async latest(origin: string): Promise<{ size: bigint; digest: Uint8Array } | undefined> {
    if (origin !== this.origin) return undefined;
    const head = await reachingLedger('be read', () => this.ledger.head());
    return head?.latest && { size: BigInt(head.latest.size), digest: fromHex(head.latest.digest) };
  }

  async health(): Promise<Health> {
    try {
      const head = await this.ledger.head();
      return { live: true, ready: true, facts: { blocks: head ? head.number + 1 : 0 } };
    } catch (error) {
      return {
        live: true,
        ready: false,
        detail: error instanceof Error ? error.message : 'failed',
      };
    }
  }

  async close(): Promise<void> {}

  #attemptOf({ commitment }: AnchorIntent): SignedAttempt {
    const signed = anchorRecord(commitment);
    return {
      txId: transactionId(signed),
      conflictKey: toHex(commitment.digest),
      signed,
      fee: this.#fee(signed),
    };
  }

  #fee(record: Uint8Array) {
    return { amount: BigInt(gasOf(record)), unit: 'gas' };
  }
}

function committedIn(record: Uint8Array): { readonly size: bigint; readonly digest: Uint8Array } {
  try {
    const { size, digest } = JSON.parse(fromUtf8(record)) as { size: string; digest: string };
    return { size: BigInt(size), digest: fromHex(digest) };
  } catch (cause) {
    throw new AnchorError('invalid', 'these bytes are no anchor record', { cause });
  }
}
