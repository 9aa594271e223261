import {
  type Anchor,
  AnchorError,
  type AnchorIntent,
  type AnchorPorts,
  type AnchorQuote,
  type AnchorTask,
  type Attempt,
  type Draft,
  type Evidence,
  type Health,
  type JsonObject,
  type Observation,
  type PluginContext,
  type PrepareOptions,
  type SignedAttempt,
} from '@wattproof/core/spi';
import { conflictKeyOf, draftFrom, feeOf, payloadOf, signedFrom } from './anchor-draft.js';
import { AnchorPlanner } from './anchor-planner.js';
import { AttemptWatch } from './attempt-watch.js';
import { provenHeader, receiptProof, transactionProof } from './block-proof.js';
import { CalldataPlace } from './calldata-place.js';
import type { CommitmentPlace } from './commitment-place.js';
import { registryAddress } from './deterministic-address.js';
import type { EvmConfig } from './evm.config.js';
import { EvmNode, txIdOf } from './evm-node.js';
import { type EvmSigner, signerOf } from './evm-signer.js';
import { gwei } from './gas-price.js';
import { RegistryPlace } from './registry-place.js';
import { evmTasks } from './tasks/evm-tasks.js';
import { CALLDATA_EVIDENCE } from './verify/calldata.verifier.js';
import { hex } from './verify/hex.js';
import { contractsOn } from './wallet/contract-reader.js';
import { evmWallet } from './wallet/wallet-port.js';
import { RECEIPT_EVIDENCE } from './verify/receipt.verifier.js';
import { STATE_EVIDENCE, stateVerifier } from './verify/state.verifier.js';

/**
 * Commitments on an EVM chain, in a registry or in calldata. One account pays, its next nonce is the conflict key: of all
 * transactions with one nonce the chain includes one.
 */
export class EvmAnchor implements Anchor {
  readonly #node: EvmNode;
  readonly #registry: RegistryPlace | undefined;
  readonly #place: CommitmentPlace;
  readonly #planner: AnchorPlanner;
  readonly #watch: AttemptWatch;
  readonly ports: AnchorPorts;
  readonly tasks: Readonly<Record<string, AnchorTask>>;

  constructor(
    private readonly config: EvmConfig,
    private readonly context: PluginContext,
    private readonly signer: EvmSigner = signerOf(config),
    ports: AnchorPorts = {},
    tasks: Readonly<Record<string, AnchorTask>> = {},
  ) {
    const { rpc, quorum, chainId, mode, registry = registryAddress(), registryFromBlock } = config;
    this.#node = new EvmNode(rpc, chainId, quorum);
    if (mode === 'registry')
      this.#registry = new RegistryPlace(this.#node, registry, registryFromBlock);
    this.#place = this.#registry ?? new CalldataPlace(this.#node);
    this.#planner = new AnchorPlanner(this.#node, this.#place, config);
    this.#watch = new AttemptWatch(this.#node, config.finality);
    const contracts = contractsOn(this.#node);
    const wallet = evmWallet({ chainId: BigInt(chainId), clock: context.clock, contracts });
    this.ports = { wallet, ...ports };
    this.tasks = { ...evmTasks(config, signer), ...tasks };
  }

  async quote(intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote> {
    const address = await this.signer.address(signal);
    const fee = await this.#planner.quote(address, intent, signal);
    return { fee, balance: await this.#node.balance(address, signal) };
  }

  async prepare(
    intent: AnchorIntent,
    prior: readonly Attempt[],
    options: PrepareOptions,
  ): Promise<Draft> {
    const from = await this.signer.address(options.signal);
    const draft = await this.#planner.plan(from, intent, prior, options);
    return { conflictKey: conflictKeyOf(draft), fee: feeOf(draft), payload: payloadOf(draft) };
  }

  async sign(intent: AnchorIntent, draft: Draft, signal: AbortSignal): Promise<SignedAttempt> {
    const transaction = draftFrom(draft.payload);
    const from = await this.signer.address(signal);
    const { to, data } = this.#place.target(from, intent.commitment);
    if (transaction.to !== to || transaction.data !== data || transaction.from !== from)
      throw new AnchorError('invalid', 'The draft is of another commitment or another account.');
    const signed = await this.signer.sign(transaction, signal);
    return {
      txId: txIdOf(signed),
      conflictKey: draft.conflictKey,
      signed,
      fee: draft.fee,
      detail: draft.payload,
    };
  }

  async broadcast({ txId, signed, detail }: SignedAttempt, signal: AbortSignal) {
    if (await this.#node.knows(txId, signal)) return 'known';
    await this.#planner.covers(detail, signal);
    return this.#node.send(signed, txId, signal);
  }

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    const observations: Observation[] = [];
    for (const attempt of attempts) observations.push(await this.#watch.observe(attempt, signal));
    return observations;
  }

  async evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence> {
    try {
      return await this.#evidence(intent, attempt, signal);
    } catch (error) {
      // Of several nodes another one is asked the next time.
      this.#node.distrust();
      throw error;
    }
  }

  async #evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence> {
    const { txId } = attempt;
    const placed = await this.#node.placed(txId, signal);
    const block = placed && (await this.#node.block(placed.inclusion.height, signal));
    if (!placed || block?.hash !== placed.inclusion.blockHash)
      throw new AnchorError('not-found', `${txId} is in no block of the best chain.`);
    if (!placed.receipt.success)
      throw new AnchorError('rejected', `${txId} was included and reverted.`);
    const { index } = placed.receipt;
    const { members } = provenHeader(block);
    // What a rollup's sequencer says is its own word until layer 1 has the batch for good.
    const settled = this.config.layer === 1 || (await this.#onLayer1(block.height, signal));
    const evidence = {
      anchor: intent.anchor,
      ledger: `eip155:${this.config.chainId}`,
      trust: settled ? 'light-client' : 'operator',
    } as const;
    if (this.#registry !== undefined && this.config.evidence === 'state') {
      const state = await this.#state(this.#registry, intent, block.height, signal);
      const stated = { ...evidence, type: STATE_EVIDENCE, body: { ...members, ...state } };
      // A newer checkpoint in the same block hides this one; its receipt does not.
      if ((await stateVerifier.verify(intent.commitment, stated, { trustedKeys: [] })).ok)
        return stated;
    }
    const proof = await (this.#registry === undefined ? transactionProof : receiptProof)(
      this.#node,
      block,
      index,
      signal,
    );
    return {
      ...evidence,
      type: this.#registry === undefined ? CALLDATA_EVIDENCE : RECEIPT_EVIDENCE,
      body: { ...members, index, proof: proof.map(hex) },
    };
  }

  async findExisting(
    intent: AnchorIntent,
    signal: AbortSignal,
  ): Promise<SignedAttempt | undefined> {
    const from = await this.signer.address(signal);
    const txId = await this.#place.find(from, intent.commitment, signal);
    const json = txId === undefined ? undefined : await this.#node.transaction(txId, signal);
    return txId === undefined || json === undefined ? undefined : signedFrom(json, txId);
  }

  async latest(origin: string, signal: AbortSignal) {
    return this.#place.newest(await this.signer.address(signal), origin, signal);
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const { height, baseFee } = await this.#node.head(signal);
      const address = await this.signer.address(signal);
      const balance = (await this.#node.balance(address, signal)).toString();
      const facts = { height, address, balance_wei: balance, base_fee_gwei: gwei(baseFee) };
      await this.#place.ready(signal);
      return { live: true, ready: true, facts };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const { logger, instanceId } = this.context;
      logger.warn('EVM node not usable', { instance: instanceId, error: detail });
      return { live: true, ready: false, detail };
    }
  }

  async close(): Promise<void> {}

  async #onLayer1(height: number, signal: AbortSignal): Promise<boolean> {
    return height <= (await this.#node.reached('finalized', signal));
  }

  async #state(
    registry: RegistryPlace,
    { commitment }: AnchorIntent,
    height: number,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const sender = await this.signer.address(signal);
    const proof = await registry.proof(sender, commitment.origin, height, signal);
    return {
      registry: registry.address.slice(2),
      sender: sender.slice(2),
      account_proof: proof.account.map(hex),
      size_proof: proof.size.map(hex),
      digest_proof: proof.digest.map(hex),
    };
  }
}
