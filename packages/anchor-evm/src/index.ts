import { defineAnchor } from '@wattproof/core/spi';
import { EvmAnchor } from './evm.anchor.js';
import { EvmConfig } from './evm.config.js';
import { CALLDATA_EVIDENCE, RECEIPT_EVIDENCE, STATE_EVIDENCE } from './verify/index.js';

export { type Deployed, deployDeterministically, type DeployOptions } from './deploy-registry.js';
export { deployRegistry } from './deploy-registry.js';
export { registryAddress } from './deterministic-address.js';
export { EvmAnchor } from './evm.anchor.js';
export { EvmConfig } from './evm.config.js';
export { type EvmSigner, KeySigner, type UnsignedTransaction } from './evm-signer.js';
export { checkSignIn, type SignInExpectation, type SignInVerdict } from './wallet/check-sign-in.js';
export { readSignInMessage, type SignInMessage } from './wallet/sign-in-message.js';

export default defineAnchor({
  name: 'evm',
  config: EvmConfig,
  capabilities: {
    exclusion: 'ledger',
    cost: 'paid',
    // The chain's own tag, or the configured depth, says when: `observe` answers `final`.
    finality: 'deterministic',
    reorgs: true,
    bump: ['replace'],
    evidence: [RECEIPT_EVIDENCE, STATE_EVIDENCE, CALLDATA_EVIDENCE],
    trust: 'light-client',
    ports: ['wallet'],
  },
  create: (config, context) => new EvmAnchor(config, context),
});
