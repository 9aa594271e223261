import { z } from 'zod';
import { defineAnchor } from '../../spi/index.js';
import { LocalAnchor } from './local-anchor.js';
import { LEDGER_COLLECTIONS, LocalLedger } from './local-ledger.js';
import { localPorts } from './local-ports.js';
import { OperationBook } from './operation-book.js';
import { LOCAL_EVIDENCE } from './verify.js';

/** `@wattproof/core/local-ledger`: hash-linked, signed blocks in the gateway's own store. The embedded default. */
export default defineAnchor({
  name: '@wattproof/core/local-ledger',
  config: z.strictObject({}),
  capabilities: {
    exclusion: 'ledger',
    cost: 'free',
    finality: 'deterministic',
    reorgs: false,
    bump: [],
    evidence: [LOCAL_EVIDENCE],
    trust: 'operator',
    ports: ['tokens', 'certificates', 'settlement'],
    needs: { collections: LEDGER_COLLECTIONS, signer: 'ledger' },
  },
  create(_config, { instanceId, origin, collections, signer, clock }) {
    if (!collections || !signer)
      throw new TypeError(
        `The local ledger "${instanceId}" needs collections and the ledger signer from its host.`,
      );
    const ledger = new LocalLedger(origin, collections, signer, clock);
    const ports = localPorts(new OperationBook(ledger, collections));
    return new LocalAnchor(ledger, instanceId, origin, ports);
  },
});

export { type ChainVerdict, type LocalBlock, verifyLocalChain } from './chain.js';
export { LEDGER_COLLECTIONS, type LedgerHead, LocalLedger } from './local-ledger.js';
export { LOCAL_EVIDENCE, localLedgerVerifier } from './verify.js';
