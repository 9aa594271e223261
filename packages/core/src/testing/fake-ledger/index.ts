export { fakeAnchor } from './fake-anchor.js';
export { FakeLedger } from './fake-ledger.js';
export { decodeFake, encodeFake, fakeTxId } from './fake-transaction.js';
export { fakeHeaders, fakeVerifier } from './fake-verifier.js';
export { fakeSuite } from './fake-suite.js';
