import { describeAnchor } from '../../src/testing/describe-anchor.js';
import { fakeSuite } from '../../src/testing/fake-ledger/index.js';

for (const exclusion of ['ledger', 'expiry', 'none'] as const) describeAnchor(fakeSuite(exclusion));
describeAnchor(fakeSuite('ledger', true));
describeAnchor(fakeSuite('ledger', false, ['child']));
describeAnchor(fakeSuite('ledger', false, ['replace', 'child']));
