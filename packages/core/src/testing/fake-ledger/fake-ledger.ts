import { AnchorError, type AnchorCapabilities } from '../../spi/index.js';
import { fromHex, toHex, utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';
import { decodeFake, type FakeTransaction, fakeTxId } from './fake-transaction.js';

export interface FakeBlock {
  readonly height: number;
  readonly hash: string;
  /** UTF-8 of this JSON hashes to `hash`. */
  readonly header: string;
  readonly timeMs: number;
  readonly txIds: readonly string[];
}

export interface FakeLedgerOptions {
  readonly exclusion: AnchorCapabilities['exclusion'];
  /** Every inclusion is final at once and blocks are never taken back. */
  readonly deterministic?: boolean;
  readonly balance?: bigint;
}

/** A method of the ledger that a fault can hit. */
export type FakeCall = 'submit' | 'look' | 'tip' | 'find';
export type FakeFault = 'unavailable' | 'lost-reply';

interface State {
  blocks: FakeBlock[];
  /** Bytes of everything ever submitted, so that a reorganised transaction can come back. */
  known: Map<string, Uint8Array>;
  mempool: Set<string>;
  balance: bigint;
  feeFloor: bigint;
  /** The first that waits on a conflict key keeps it. */
  keepsFirst: boolean;
  forks: number;
  down: boolean;
  faults: { call: FakeCall; fault: FakeFault }[];
}

const BLOCK_MS = 10_000;
const FIRST_BLOCK_MS = 1_700_000_000_000;

/**
 * A ledger in memory with what makes real ones hard: a mempool with a fee floor and replacement, blocks,
 * reorganisations, expiry, lost replies, an unreachable node, a balance that runs out. Deterministic.
 */
export class FakeLedger {
  #state: State;
  /** An id is a hash: what was read under it stays true. */
  readonly #read = new Map<string, FakeTransaction>();

  constructor(readonly options: FakeLedgerOptions) {
    this.#state = {
      blocks: [],
      known: new Map(),
      mempool: new Set(),
      balance: options.balance ?? 1_000_000n,
      feeFloor: 0n,
      keepsFirst: false,
      forks: 0,
      down: false,
      faults: [],
    };
    this.mine();
  }

  // --- what a node answers -------------------------------------------------------------------

  async submit(bytes: Uint8Array): Promise<'accepted' | 'known'> {
    return this.#answer('submit', () => {
      const tx = decodeFake(bytes);
      const txId = fakeTxId(bytes);
      const state = this.#state;
      if (state.mempool.has(txId) || this.#blockOf(txId)) return 'known';
      if (tx.validUntil !== null && this.height >= tx.validUntil)
        throw new AnchorError('expired', `valid until block ${tx.validUntil}, now ${this.height}`);
      const fee = BigInt(tx.fee);
      const parent = tx.parent === undefined ? undefined : fromHex(tx.parent);
      const spent = parent && this.#needed(parent);
      // What it spends and is not in a block yet has to be paid for as well.
      if (spent ? fee + BigInt(spent.fee) < 2n * state.feeFloor : fee < state.feeFloor)
        throw new AnchorError('underpriced', `fee ${fee} below the floor ${state.feeFloor}`);
      if (fee > state.balance)
        throw new AnchorError('insufficient-funds', `fee ${fee}, balance ${state.balance}`);
      if (this.options.exclusion === 'ledger') {
        if (this.#spenderOf(tx.conflictKey))
          throw new AnchorError('conflict', `${tx.conflictKey} is spent`);
        const rival = this.#waitingOn(tx.conflictKey);
        if (rival) {
          if (state.keepsFirst) throw new AnchorError('irreplaceable', `${rival} keeps its place`);
          if (fee <= BigInt(this.#tx(rival).fee))
            throw new AnchorError('underpriced', 'a replacement must pay more');
          state.mempool.delete(rival);
        }
      }
      if (parent && spent) {
        state.known.set(fakeTxId(parent), parent);
        state.mempool.add(fakeTxId(parent));
      }
      state.known.set(txId, bytes);
      state.mempool.add(txId);
      return 'accepted';
    });
  }

  async look(
    txId: string,
  ): Promise<
    | { readonly status: 'missing' | 'seen' }
    | { readonly status: 'included'; readonly block: FakeBlock; readonly depth: number }
  > {
    return this.#answer('look', () => {
      const block = this.#blockOf(txId);
      if (block) return { status: 'included', block, depth: this.height - block.height + 1 };
      return { status: this.#state.mempool.has(txId) ? 'seen' : 'missing' };
    });
  }

  /** The included transaction that holds a conflict key. */
  async spender(
    conflictKey: string,
  ): Promise<{ txId: string; block: FakeBlock; depth: number } | undefined> {
    return this.#answer('look', () => {
      const txId = this.#spenderOf(conflictKey);
      const block = txId === undefined ? undefined : this.#blockOf(txId);
      return txId !== undefined && block
        ? { txId, block, depth: this.height - block.height + 1 }
        : undefined;
    });
  }

  async tip(): Promise<{ height: number; balance: bigint; feeFloor: bigint; freeKey: string }> {
    return this.#answer('tip', () => {
      const { balance, feeFloor, mempool } = this.#state;
      const taken = new Set([...this.#chain(), ...mempool].map((id) => this.#tx(id).conflictKey));
      let slot = 0;
      while (taken.has(`slot/${slot}`)) slot += 1;
      return { height: this.height, balance, feeFloor, freeKey: `slot/${slot}` };
    });
  }

  async find(match: (tx: FakeTransaction) => boolean): Promise<readonly Uint8Array[]> {
    return this.#answer('find', () =>
      [...this.#chain(), ...this.#state.mempool]
        .filter((id) => match(this.#tx(id)))
        .map((id) => this.#state.known.get(id) as Uint8Array),
    );
  }

  header(height: number): FakeBlock | undefined {
    return this.#state.blocks[height];
  }

  // --- what a test does to it -----------------------------------------------------------------

  get height(): number {
    return this.#state.blocks.length - 1;
  }

  get balance(): bigint {
    return this.#state.balance;
  }

  /** Ids of included transactions that carry this digest (hex), oldest first. */
  confirmed(digest: string): readonly string[] {
    return this.#chain().filter((id) => this.#tx(id).digest === digest);
  }

  /** What the included transactions that carry this digest paid. */
  paidFor(digest: string): bigint {
    return this.confirmed(digest).reduce((sum, id) => sum + BigInt(this.#tx(id).fee), 0n);
  }

  /** Includes what waits and pays the floor; one transaction per conflict key where the ledger excludes. */
  mine(blocks = 1): void {
    for (let count = 0; count < blocks; count += 1) {
      const state = this.#state;
      const height = state.blocks.length;
      const txIds: string[] = [];
      for (const id of state.mempool) {
        const tx = this.#tx(id);
        if (tx.validUntil !== null && height > tx.validUntil) {
          state.mempool.delete(id);
          continue;
        }
        if (this.#rateOf(id) < state.feeFloor || BigInt(tx.fee) > state.balance) continue;
        state.mempool.delete(id);
        if (this.options.exclusion === 'ledger' && this.#spenderOf(tx.conflictKey)) continue;
        if (tx.parent !== undefined) {
          const parent = fakeTxId(fromHex(tx.parent));
          if (!txIds.includes(parent) && !this.#blockOf(parent)) continue;
        }
        state.balance -= BigInt(tx.fee);
        txIds.push(id);
      }
      const timeMs = FIRST_BLOCK_MS + height * BLOCK_MS;
      const prev = state.blocks.at(-1)?.hash ?? '';
      const header = JSON.stringify({ height, prev, timeMs, fork: state.forks, txIds });
      const hash = toHex(sha256(utf8(header)));
      state.blocks.push({ height, hash, header, timeMs, txIds });
    }
  }

  /**
   * Takes back the newest blocks and puts a longer branch in their place. Their transactions wait again,
   * or, with `forget`, are gone as if this node had never seen them.
   */
  reorg(depth: number, options: { readonly forget?: boolean } = {}): void {
    if (this.options.deterministic) throw new RangeError('this ledger does not reorganise');
    const state = this.#state;
    const gone = state.blocks.splice(Math.max(1, state.blocks.length - depth));
    state.forks += 1;
    const returned = gone.flatMap(({ txIds }) => txIds);
    for (const id of returned) state.balance += BigInt(this.#tx(id).fee);
    const waiting = options.forget ? [] : [...returned, ...state.mempool];
    state.mempool = new Set();
    this.mine(gone.length + 1);
    for (const id of waiting) state.mempool.add(id);
  }

  /** Drops everything that waits, as a full mempool or a restarted node does. */
  evictAll(): void {
    this.#state.mempool.clear();
  }

  setFeeFloor(fee: bigint): void {
    this.#state.feeFloor = fee;
  }

  /** Refuses every replacement, or takes those that pay more again. */
  setKeepsFirst(keeps: boolean): void {
    this.#state.keepsFirst = keeps;
  }

  setDown(down: boolean): void {
    this.#state.down = down;
  }

  /** The next `times` calls fail: `unavailable` without effect, `lost-reply` after it. */
  failNext(call: FakeCall, fault: FakeFault, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#state.faults.push({ call, fault });
  }

  snapshot(): unknown {
    return structuredClone(this.#state);
  }

  restore(snapshot: unknown): void {
    this.#state = structuredClone(snapshot) as State;
  }

  // --- inside -----------------------------------------------------------------------------------

  async #answer<T>(call: FakeCall, effect: () => T): Promise<T> {
    const state = this.#state;
    if (state.down) throw new AnchorError('unavailable', 'the node does not answer');
    const at = state.faults.findIndex((fault) => fault.call === call);
    const [hit] = at < 0 ? [] : state.faults.splice(at, 1);
    if (hit?.fault === 'unavailable') throw new AnchorError('unavailable', 'the node is busy');
    const value = effect();
    if (hit) throw new AnchorError('unavailable', 'the connection broke before the answer');
    return value;
  }

  /** The parent as long as no block holds it. Throws when it never can be. */
  #needed(bytes: Uint8Array): FakeTransaction | undefined {
    const id = fakeTxId(bytes);
    if (this.#blockOf(id)) return undefined;
    const parent = decodeFake(bytes);
    const taken = `${parent.conflictKey}, which the parent spends, is taken`;
    if (this.#spenderOf(parent.conflictKey)) throw new AnchorError('conflict', taken);
    if (this.#rivalOf(id, parent)) throw new AnchorError('irreplaceable', taken);
    return parent;
  }

  #rivalOf(id: string, { conflictKey }: FakeTransaction): string | undefined {
    const waiting = this.#waitingOn(conflictKey);
    return waiting === id ? undefined : waiting;
  }

  /** What a miner earns per transaction by including it with the dearest child that waits for it, or by itself. */
  #rateOf(txId: string): bigint {
    const fee = BigInt(this.#tx(txId).fee);
    const children = [...this.#state.mempool]
      .map((id) => this.#tx(id))
      .filter(({ parent }) => parent !== undefined && fakeTxId(fromHex(parent)) === txId)
      .map((child) => (fee + BigInt(child.fee)) / 2n);
    return children.reduce((most, rate) => (rate > most ? rate : most), fee);
  }

  #chain(): string[] {
    return this.#state.blocks.flatMap(({ txIds }) => txIds);
  }

  #blockOf(txId: string): FakeBlock | undefined {
    return this.#state.blocks.find(({ txIds }) => txIds.includes(txId));
  }

  #spenderOf(conflictKey: string): string | undefined {
    return this.#chain().find((id) => this.#tx(id).conflictKey === conflictKey);
  }

  #waitingOn(conflictKey: string): string | undefined {
    return [...this.#state.mempool].find((id) => this.#tx(id).conflictKey === conflictKey);
  }

  #tx(txId: string): FakeTransaction {
    const read = this.#read.get(txId) ?? decodeFake(this.#state.known.get(txId) as Uint8Array);
    this.#read.set(txId, read);
    return read;
  }
}
