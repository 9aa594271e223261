import { calldataVerifier } from './calldata.verifier.js';
import { receiptVerifier } from './receipt.verifier.js';
import { stateVerifier } from './state.verifier.js';

export { CALLDATA_EVIDENCE, calldataVerifier } from './calldata.verifier.js';
export { RECEIPT_EVIDENCE, receiptVerifier } from './receipt.verifier.js';
export { STATE_EVIDENCE, stateVerifier } from './state.verifier.js';

/** All that check this package's evidence. */
export default [receiptVerifier, stateVerifier, calldataVerifier];
