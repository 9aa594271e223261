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
  isAnchorError,
  type JsonObject,
  type Observation,
  type PluginContext,
  type PrepareOptions,
  type SignedAttempt,
} from '@wattproof/core/spi';
import { firstCoin, keyOf, planFromJson, planOf, planToJson } from './anchor-draft.js';
import { AnchorPlanner } from './anchor-planner.js';
import { AnchorWallet, type Coin } from './anchor-wallet.js';
import { AttemptWatch } from './attempt-watch.js';
import type { BitcoinBackend } from './bitcoin-backend.js';
import type { BitcoinChainConfig, BitcoinNetwork } from './bitcoin.config.js';
import { ChangeChain, type Outpoint, txIdOf } from './change-chain.js';
import { ChildPlanner } from './child-planner.js';
import { CoinChoice } from './coin-choice.js';
import { openBackend } from './open-backend.js';
import { otsExport } from './ots-export.js';
import type { RemoteSigner } from './remote-signer.js';
import { spvProof } from './spv-proof.js';
import { bitcoinLogin } from './wallet-login.js';
import { hex } from './verify/block-header.js';
import { OP_RETURN_EVIDENCE } from './verify/op-return.verifier.js';
import { TAPROOT_EVIDENCE } from './verify/taproot.verifier.js';
import { commitsTo } from './verify/transaction.js';
import { CommitmentBook } from './commitment-book.js';
import { TweakChain } from './tweak-chain.js';

/** Headers without their block from which on a node is too far behind to be asked. */
const MAX_BLOCKS_BEHIND = 6;

/** What Bitcoin Core calls the chain of each network. */
const CHAINS: Record<BitcoinNetwork, readonly string[]> = {
  mainnet: ['main'],
  testnet: ['test', 'testnet4'],
  signet: ['signet'],
  regtest: ['regtest'],
};

/**
 * Commitments in OP_RETURN outputs. The wallet is one address; each anchor spends the change of the one before into its
 * own, so the coin is the conflict key: the ledger itself refuses a second winner.
 */
export class BitcoinAnchor implements Anchor {
  readonly #node: BitcoinBackend;
  readonly #wallet: AnchorWallet;
  readonly #chain: ChangeChain;
  readonly #tweaks: TweakChain | undefined;
  readonly #planner: AnchorPlanner;
  readonly #children: ChildPlanner;
  readonly #watch: AttemptWatch;

  constructor(
    private readonly config: BitcoinChainConfig,
    private readonly context: PluginContext,
    signer: RemoteSigner,
  ) {
    this.#node = openBackend(config);
    this.#wallet = new AnchorWallet(signer, config.address, config.network, config.commitment);
    if (config.commitment === 'taproot')
      this.#tweaks = new TweakChain(
        this.#node,
        this.#wallet,
        bookOf(context, hex(this.#wallet.internalKey)),
      );
    this.#chain = this.#tweaks ?? new ChangeChain(this.#node, this.#wallet);
    const choice = new CoinChoice(config, this.#node, this.#wallet);
    this.#planner = new AnchorPlanner(config, this.#node, this.#wallet, this.#chain, choice);
    this.#children = new ChildPlanner(config, this.#node, this.#wallet, this.#chain, choice);
    this.#watch = new AttemptWatch(this.#node, this.#chain, config.confirmations);
  }

  /** The address to fund. */
  get address(): string {
    return this.#wallet.address;
  }

  async quote(_intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote> {
    return this.#planner.quote(signal);
  }

  async prepare(
    intent: AnchorIntent,
    prior: readonly Attempt[],
    options: PrepareOptions,
  ): Promise<Draft> {
    const elsewhere = await this.#otherNetwork(options.signal);
    if (elsewhere !== undefined) throw new AnchorError('unavailable', elsewhere);
    const { plan, fee } = options.parent
      ? await this.#children.plan(options.parent, prior, options)
      : await this.#planner.plan(intent, prior, options);
    return { conflictKey: keyOf(plan.coins[0] as Coin), fee, payload: planToJson(plan) };
  }

  async sign(intent: AnchorIntent, draft: Draft, signal: AbortSignal): Promise<SignedAttempt> {
    const plan = planFromJson(draft.payload);
    if (plan.digest && hex(plan.digest) !== hex(intent.commitment.digest))
      throw new AnchorError('invalid', 'The draft is of another commitment.');
    const { conflictKey, fee, payload } = draft;
    const { txId, bytes } = await this.#wallet.sign({ ...plan, feeSat: fee.amount }, signal);
    await this.#tweaks?.keep({
      txId,
      spends: conflictKey,
      ...(plan.digest ? { digest: plan.digest } : {}),
    });
    return { txId, conflictKey, signed: bytes, fee, detail: { ...payload, ...this.#key() } };
  }

  async broadcast(attempt: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'> {
    const { txId, signed } = attempt;
    if (await this.#watch.knows(txId, signal)) return 'known';
    if ((await this.#send([...planOf(attempt).brings, signed], signal)) === 'known') return 'known';
    // A node may answer with a txid and still have dropped the transaction, so its own view decides.
    if (!(await this.#watch.knows(txId, signal)))
      throw new AnchorError(
        (await this.#node.spending(firstCoin(attempt), signal)) ? 'conflict' : 'unavailable',
        `The node took ${txId} and does not have it.`,
      );
    return 'accepted';
  }

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    return this.#watch.observe(attempts, signal);
  }

  async evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence> {
    const { txId, signed, detail } = attempt;
    const inclusion = await this.#node.inclusion(txId, signal);
    if (!inclusion) throw new AnchorError('not-found', `${txId} is in no block of the best chain.`);
    const proof = await spvProof(this.#node, signed, txId, inclusion, signal);
    return {
      ...(detail?.['internal_key'] === undefined
        ? { type: OP_RETURN_EVIDENCE, body: proof }
        : { type: TAPROOT_EVIDENCE, body: { ...proof, internal_key: detail['internal_key'] } }),
      anchor: intent.anchor,
      ledger: `bitcoin:${this.config.network}`,
      trust: 'spv-pow',
    };
  }

  /** The anchor on the chain of change that commits to this digest, in a block or waiting. */
  async findExisting(
    intent: AnchorIntent,
    signal: AbortSignal,
  ): Promise<SignedAttempt | undefined> {
    const { digest } = intent.commitment;
    const found = await (this.#tweaks?.committing(digest, signal) ??
      this.#chain.find(
        ({ outputs }) => outputs.some(({ script }) => commitsTo(script, digest)),
        signal,
      ));
    if (!found || !(await this.#chain.isAnchor(found, signal))) return undefined;
    const coins = await this.#chain.coinsOf(found.inputs, signal);
    const first = coins[0] as Outpoint;
    const via = await this.#chain.ancestry(first.txId, signal);
    const brings = await this.#chain.childrenTo(first.txId, signal);
    return {
      txId: found.txId,
      conflictKey: keyOf(first),
      signed: found.bytes,
      fee: { amount: (await this.#chain.feeOf(found, signal)).feeSat, unit: 'sat' },
      detail: {
        ...planToJson({ coins, digest, lockTime: found.lockTime, via, brings }),
        ...this.#key(),
      },
    };
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const { blocks, headers } = await this.#node.chainInfo(signal);
      const behind = headers - blocks;
      const detail =
        (await this.#otherNetwork(signal)) ??
        (behind < MAX_BLOCKS_BEHIND
          ? undefined
          : `The node is ${behind} blocks behind its headers.`);
      return {
        live: true,
        ready: detail === undefined,
        ...(detail === undefined ? {} : { detail }),
        facts: { height: blocks, address: this.address },
      };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const { logger, instanceId } = this.context;
      logger.warn('bitcoin node unreachable', { instance: instanceId, error: detail });
      return { live: true, ready: false, detail };
    }
  }

  readonly exportProof = otsExport;

  get ports(): AnchorPorts {
    return { wallet: bitcoinLogin(this.config.network) };
  }

  async close(): Promise<void> {}

  /** Of the attempt, because another one may be configured when it is proven. */
  #key(): JsonObject {
    return this.#tweaks ? { internal_key: hex(this.#wallet.internalKey) } : {};
  }

  /** The last, and before it what it spends and the node has dropped; in pairs where the first alone pays too little. */
  async #send(path: readonly Uint8Array[], signal: AbortSignal): Promise<'accepted' | 'known'> {
    const missing: Uint8Array[] = [];
    for (const bytes of path)
      if (bytes === path.at(-1) || !(await this.#watch.knows(txIdOf(bytes), signal)))
        missing.push(bytes);
    let sent: 'accepted' | 'known' = 'accepted';
    for (let at = 0; at < missing.length; at += 1) {
      const [first, second] = missing.slice(at) as [Uint8Array, Uint8Array?];
      try {
        sent = await this.#node.send(first, signal);
      } catch (error) {
        if (!second || !isAnchorError(error) || error.reason !== 'underpriced') throw error;
        await this.#node.sendPackage([first, second], signal);
        at += 1;
      }
    }
    return sent;
  }

  /** Says so when the node is on another network than the one configured: nobody pays there. */
  async #otherNetwork(signal: AbortSignal): Promise<string | undefined> {
    const { chain } = await this.#node.chainInfo(signal);
    const { network } = this.config;
    return CHAINS[network].includes(chain)
      ? undefined
      : `The node is on chain "${chain}" and the anchor is configured for ${network}. Check the node's URL and network.`;
  }
}

function bookOf({ collections, instanceId }: PluginContext, key: string): CommitmentBook {
  if (!collections)
    throw new TypeError(
      `Anchor "${instanceId}" tweaks its key and has to remember with what: give it "collections" in its context.`,
    );
  return new CommitmentBook(collections, key);
}
