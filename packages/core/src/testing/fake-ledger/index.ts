export { fakeAnchor } from './fake-anchor.js';
export {
  type FakeBlock,
  type FakeCall,
  type FakeFault,
  FakeLedger,
  type FakeLedgerOptions,
} from './fake-ledger.js';
export { decodeFake, encodeFake, type FakeTransaction, fakeTxId } from './fake-transaction.js';
export { fakeHeaders, fakeVerifier } from './fake-verifier.js';
export { fakeSuite } from './fake-suite.js';
