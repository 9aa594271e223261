import { defineAnchor } from '@wattproof/core/spi';
import type { z } from 'zod';
import { BitcoinAnchor } from './bitcoin.anchor.js';
import { hasOneNode, ONE_NODE } from './backend.config.js';
import {
  BitcoinChainConfig,
  BitcoinConfig,
  hasKeyToTweak,
  KEY_TO_TWEAK,
} from './bitcoin.config.js';
import { COMMITMENTS } from './commitment-book.js';
import { LocalSigner } from './local-signer.js';
import { OTS_FORMAT } from './ots-export.js';
import { HttpSigner, type RemoteSigner } from './remote-signer.js';
import { OP_RETURN_EVIDENCE, TAPROOT_EVIDENCE } from './verify/index.js';

export { BitcoinAnchor } from './bitcoin.anchor.js';
export { BitcoinConfig } from './bitcoin.config.js';
export type { RemoteSigner } from './remote-signer.js';

const define = <Config extends z.ZodType<BitcoinChainConfig>>(
  config: Config,
  signerOf: (config: z.output<Config>) => RemoteSigner,
) =>
  defineAnchor({
    name: 'bitcoin',
    config,
    capabilities: {
      exclusion: 'ledger',
      cost: 'paid',
      finality: 'probabilistic',
      reorgs: true,
      bump: ['replace', 'child'],
      evidence: [OP_RETURN_EVIDENCE, TAPROOT_EVIDENCE],
      trust: 'spv-pow',
      exports: [OTS_FORMAT],
      ports: ['wallet'],
      needs: { collections: [COMMITMENTS] },
    },
    create: (parsed, context) =>
      new BitcoinAnchor(
        parsed as BitcoinChainConfig,
        context,
        signerOf(parsed as z.output<Config>),
      ),
  });

export default define(BitcoinConfig, ({ wif, signer, network }) =>
  signer ? new HttpSigner(signer) : new LocalSigner(wif as string, network),
);

/** The same anchor for embedders whose own code holds the key; its configuration says nothing of who signs. */
export const bitcoinAnchorWith = (signer: RemoteSigner) =>
  define(
    BitcoinChainConfig.refine(hasOneNode, ONE_NODE).refine(hasKeyToTweak, KEY_TO_TWEAK),
    () => signer,
  );
