import { z } from 'zod';
import {
  type Anchor,
  type AnchorCapabilities,
  AnchorError,
  type AnchorIntent,
  type Attempt,
  defineAnchor,
  type Evidence,
  type Observation,
  type ProofToExport,
  type SignedAttempt,
} from '../../spi/index.js';
import { concat, fromHex, toHex, utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';
import { decodeFake, encodeFake, type FakeTransaction, fakeTxId } from './fake-transaction.js';
import { FakeLedger } from './fake-ledger.js';

/** Blocks for which a signed transaction of an expiring ledger stays valid. */
const VALID_BLOCKS = 4;
const BASE_FEE = 100n;
const FAKE_FORMAT = 'fake';

/** An anchor over the fake ledger, with the capabilities of one family of real ones. */
export function fakeAnchor(
  exclusion: AnchorCapabilities['exclusion'],
  deterministic = false,
  bump: AnchorCapabilities['bump'] = exclusion === 'ledger' ? ['replace'] : [],
) {
  const ways = bump.join('-');
  return defineAnchor({
    name: `fake-${exclusion}${deterministic ? '-deterministic' : ''}${ways.includes('child') ? `-${ways}` : ''}`,
    config: z.strictObject({
      ledger: z.instanceof(FakeLedger),
      /** Fee of bump 0; each bump adds half of it. */
      baseFee: z.bigint().default(exclusion === 'none' ? 0n : BASE_FEE),
    }),
    capabilities: {
      exclusion,
      cost: exclusion === 'none' ? 'free' : 'paid',
      finality: deterministic ? 'deterministic' : 'probabilistic',
      reorgs: !deterministic,
      bump,
      evidence: ['fake/1'],
      trust: 'rpc-quorum',
      exports: [FAKE_FORMAT],
    },
    create: ({ ledger, baseFee }, { instanceId }) =>
      new FakeAnchor(ledger, baseFee, instanceId, deterministic),
  });
}

class FakeAnchor implements Anchor {
  constructor(
    private readonly ledger: FakeLedger,
    private readonly baseFee: bigint,
    private readonly instanceId: string,
    private readonly deterministic: boolean,
  ) {}

  async quote() {
    const { balance } = await this.ledger.tip();
    return { fee: this.#fee(0), balance };
  }

  async prepare(
    intent: AnchorIntent,
    prior: readonly Attempt[],
    options: { bump: number; maxFee?: bigint; parent?: Attempt },
  ) {
    const { exclusion } = this.ledger.options;
    const { height, feeFloor, freeKey } = await this.ledger.tip();
    const { parent } = options;
    // A child makes up for what its parent pays too little.
    const short = parent && parent.fee.amount < feeFloor ? feeFloor - parent.fee.amount : 0n;
    const fee = this.#fee(options.bump, max(feeFloor + short, dearestChild(prior, parent) + 1n));
    if (options.maxFee !== undefined && fee.amount > options.maxFee)
      throw new AnchorError('capped', `needs ${fee.amount}, may pay ${options.maxFee}`);
    let conflictKey = freeKey;
    if (exclusion === 'none') conflictKey = `free/${intent.id}`;
    if (exclusion === 'expiry') conflictKey = `once/${intent.id}/${height + VALID_BLOCKS}`;
    if (parent) conflictKey = `change/${parent.txId}`;
    else if (exclusion === 'ledger')
      for (const attempt of prior)
        if (attempt.state !== 'expired' && attempt.state !== 'replaced' && !attempt.childOf)
          conflictKey = attempt.conflictKey;
    const payload = {
      intent: intent.id,
      conflictKey,
      origin: intent.commitment.origin,
      size: intent.commitment.size.toString(),
      digest: parent ? '' : toHex(intent.commitment.digest),
      fee: fee.amount.toString(),
      validUntil: exclusion === 'expiry' ? height + VALID_BLOCKS : null,
      ...(parent ? { parent: toHex(parent.signed) } : {}),
    } satisfies FakeTransaction;
    return { conflictKey, fee, payload };
  }

  async sign(_intent: AnchorIntent, draft: { payload: object }): Promise<SignedAttempt> {
    return this.#attemptOf(encodeFake(draft.payload as FakeTransaction));
  }

  async broadcast(attempt: SignedAttempt, signal?: AbortSignal): Promise<'accepted' | 'known'> {
    if (signal?.aborted) throw new AnchorError('unavailable', 'told to stop: nothing was sent');
    return this.ledger.submit(attempt.signed);
  }

  async observe(attempts: readonly Attempt[]): Promise<readonly Observation[]> {
    const observations: Observation[] = [];
    for (const attempt of attempts) observations.push(await this.#observeOne(attempt));
    return observations;
  }

  async evidence(_intent: AnchorIntent, attempt: Attempt): Promise<Evidence> {
    const seen = await this.ledger.look(attempt.txId);
    if (seen.status !== 'included')
      throw new AnchorError('not-found', `${attempt.txId} is in no block`);
    return {
      type: 'fake/1',
      anchor: this.instanceId,
      ledger: 'fake',
      trust: 'rpc-quorum',
      body: { header: seen.block.header, tx: toHex(attempt.signed) },
    };
  }

  /** The steps and the evidence as JSON. */
  async exportProof({ format, digest, steps, commitment, evidence }: ProofToExport) {
    if (format !== FAKE_FORMAT) return undefined;
    const reached = steps.reduce(
      (message, { prefix, suffix }) => sha256(concat(prefix, message, suffix)),
      digest,
    );
    const tx = decodeFake(fromHex(String(evidence.body['tx'])));
    if (toHex(reached) !== toHex(commitment.digest) || tx.digest !== toHex(commitment.digest))
      throw new AnchorError('invalid', 'the proof is of another commitment');
    const hex = steps.map(({ prefix, suffix }) => [toHex(prefix), toHex(suffix)]);
    const bytes = utf8(JSON.stringify({ digest: toHex(digest), steps: hex, ...evidence.body }));
    return { mediaType: 'application/json', extension: 'json', bytes };
  }

  async findExisting(intent: AnchorIntent): Promise<SignedAttempt | undefined> {
    const [bytes] = await this.ledger.find(
      (tx) => tx.intent === intent.id && tx.parent === undefined,
    );
    return bytes ? this.#attemptOf(bytes) : undefined;
  }

  async latest(origin: string) {
    const all = await this.ledger.find((tx) => tx.origin === origin && tx.digest !== '');
    const newest = all
      .map(decodeFake)
      .sort((a, b) => Number(BigInt(a.size) - BigInt(b.size)))
      .at(-1);
    return newest ? { size: BigInt(newest.size), digest: fromHex(newest.digest) } : undefined;
  }

  async health() {
    try {
      const { height, balance } = await this.ledger.tip();
      return { live: true, ready: true, facts: { height, balance: balance.toString() } };
    } catch (error) {
      return { live: true, ready: false, detail: (error as Error).message };
    }
  }

  async close(): Promise<void> {}

  async #observeOne(attempt: Attempt): Promise<Observation> {
    const { txId } = attempt;
    const seen = await this.ledger.look(txId);
    if (seen.status === 'included')
      return {
        txId,
        status: this.deterministic ? 'final' : 'included',
        inclusion: inclusionOf(seen.block, seen.depth),
      };
    if (seen.status === 'seen') return { txId, status: 'seen' };
    if (this.ledger.options.exclusion === 'ledger') {
      const winner = await this.ledger.spender(attempt.conflictKey);
      if (winner)
        return {
          txId,
          status: 'conflicted',
          conflictsWith: winner.txId,
          inclusion: inclusionOf(winner.block, winner.depth),
        };
    }
    if (attempt.validUntil !== undefined) {
      const { height } = await this.ledger.tip();
      // Proven only when the last block that could hold it is itself beyond reorganisation.
      if (height >= attempt.validUntil + 6) return { txId, status: 'expired' };
    }
    return { txId, status: 'missing' };
  }

  #fee(bump: number, floor = 0n) {
    const asked = this.baseFee + (this.baseFee * BigInt(bump)) / 2n;
    return { amount: asked > floor ? asked : floor, unit: 'grain' };
  }

  #attemptOf(signed: Uint8Array): SignedAttempt {
    const { conflictKey, fee, validUntil } = decodeFake(signed);
    return {
      txId: fakeTxId(signed),
      conflictKey,
      signed,
      fee: { amount: BigInt(fee), unit: 'grain' },
      ...(validUntil === null ? {} : { validUntil }),
    };
  }
}

/** What the children of this attempt already offer: the next one takes their place. */
const dearestChild = (prior: readonly Attempt[], parent: Attempt | undefined): bigint =>
  prior
    .filter(({ childOf }) => parent !== undefined && childOf === parent.txId)
    .reduce((most, { fee }) => max(most, fee.amount), -1n);

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const inclusionOf = (
  block: { readonly height: number; readonly hash: string; readonly timeMs: number },
  depth: number,
) => ({ height: block.height, blockHash: block.hash, blockTimeMs: block.timeMs, depth });
