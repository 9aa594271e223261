import { createHash } from 'node:crypto';
import { deployRegistry, EvmAnchor, EvmConfig } from '@wattproof/anchor-evm';
import type { AnchorIntent, Attempt, PluginContext, PrepareOptions } from '@wattproof/core/spi';
import { commitmentOf } from '@wattproof/core/verify';
import { Anvil } from './anvil.js';

export const signal = new AbortController().signal;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const context: PluginContext = {
  instanceId: 'evm',
  origin: 'test.example/log',
  logger: silent,
  clock: { nowMs: () => 0 },
};

/** A wish to publish a checkpoint of this size; `name` makes another root. */
export function intentOf(size: number, name = 'a'): AnchorIntent {
  const root = createHash('sha256').update(`${size} ${name}`).digest();
  const commitment = commitmentOf('test.example/log', size, root);
  const id = Buffer.from(commitment.digest).toString('hex');
  return { id, anchor: 'evm', commitment, createdAtMs: 0 };
}

/** Prepared and signed, and not sent. */
export async function attemptOf(
  anchor: EvmAnchor,
  wanted: AnchorIntent,
  prior: readonly Attempt[] = [],
  options: Partial<PrepareOptions> = {},
): Promise<Attempt> {
  const draft = await anchor.prepare(wanted, prior, { bump: prior.length, signal, ...options });
  const signed = await anchor.sign(wanted, draft, signal);
  return {
    ...signed,
    intentId: wanted.id,
    number: prior.length,
    state: 'broadcast',
    createdAtMs: 0,
  };
}

/** A node with the registry on it that mines when told. */
export class AnchorWorld {
  #accounts = 0;

  private constructor(readonly anvil: Anvil) {}

  static async start(): Promise<AnchorWorld> {
    const anvil = await Anvil.start({ accounts: 60, automine: true });
    const rpc = { url: anvil.url, timeoutMs: 5_000 };
    await deployRegistry({ chainId: 31_337, rpc, signer: anvil.key(0), pollMs: 5 });
    await anvil.rpc('evm_setAutomine', false);
    return new AnchorWorld(anvil);
  }

  /** An anchor of a funded account of its own. */
  anchorWith(options: object = {}): { anchor: EvmAnchor; key: string } {
    const key = this.anvil.key((this.#accounts += 1));
    const rpc = { url: this.anvil.url };
    const base = { chainId: 31_337, rpc, priorityFeeGwei: 1, maxFeeGwei: 20 };
    const keys = 'keystore' in options || 'signer' in options || 'key' in options ? {} : { key };
    const config = EvmConfig.parse({ ...base, ...keys, ...options });
    return { anchor: new EvmAnchor(config, context), key };
  }

  async publish(anchor: EvmAnchor, wanted: AnchorIntent): Promise<Attempt> {
    const made = await attemptOf(anchor, wanted);
    await anchor.broadcast(made, signal);
    await this.anvil.mine();
    return made;
  }

  stop(): Promise<void> {
    return this.anvil.stop();
  }
}
