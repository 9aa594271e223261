export { opReturnVerifier, OP_RETURN_EVIDENCE } from './op-return.verifier.js';
export { opReturnVerifier as default } from './op-return.verifier.js';
