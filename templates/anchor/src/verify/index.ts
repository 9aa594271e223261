export { TALLY_EVIDENCE, verifier as default } from './tally.verifier.js';
