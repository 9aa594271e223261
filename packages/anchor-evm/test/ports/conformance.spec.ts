import plugin, { EvmPortsConfig } from '@wattproof/anchor-evm/ports';
import { receiptVerifier } from '@wattproof/anchor-evm/verify';
import { describePorts } from '@wattproof/core/testing';
import { MaxUint256 } from 'ethers';
import { type Deployed, oddContracts, TestChain } from './test-chain.js';

/** Accounts: 0 owns, 1 operates, 2 to 4 trade, 5 anchors. */
let chain: TestChain;
let euro: Deployed;
let configuration: Record<string, unknown>;
let snapshot = '';

beforeAll(async () => {
  chain = await TestChain.start();
  euro = await chain.deploy(oddContracts().OddToken);
  const { token, certificates, settlement } = await chain.deployPorts();
  for (const trader of [2, 3, 4].map((index) => chain.account(index))) {
    await token.send(trader, 'approve', chain.account(1), MaxUint256);
    await token.send(trader, 'approve', settlement.address, MaxUint256);
    await certificates.send(trader, 'setApprovalForAll', chain.account(1), true);
    await euro.send(trader, 'approve', settlement.address, MaxUint256);
  }
  configuration = {
    chainId: 31_337,
    rpc: { url: chain.anvil.url },
    key: chain.anvil.key(5),
    mode: 'calldata',
    ports: {
      key: chain.anvil.key(1),
      tokens: token.address,
      certificates: certificates.address,
      settlement: settlement.address,
      payments: { EUR: euro.address },
    },
  };
  await chain.anvil.rpc('evm_setAutomine', false);
});
afterAll(async () => {
  await chain.stop();
});

describePorts<TestChain>({
  plugin,
  verifier: receiptVerifier,
  async open() {
    snapshot = await chain.anvil.rpc('evm_snapshot');
    return chain;
  },
  close: async () => {
    await chain.anvil.rpc('anvil_dropAllTransactions');
    await chain.anvil.rpc('evm_revert', snapshot);
  },
  config: () => configuration,
  create: (_chain, context) => plugin.create(EvmPortsConfig.parse(configuration), context),
  settle: () => chain.anvil.mine(),
  setDown: async (_chain, down) => chain.anvil.setDown(down),
  confirmed: async () => [],
  reorg: (_chain, depth) => chain.anvil.reorganise(depth),
  ports: {
    accounts: () => [chain.account(2), chain.account(3), chain.account(4)],
    unit: 'EUR',
    fund: async (_chain, account, amount) => {
      await chain.anvil.rpc('evm_setAutomine', true);
      await euro.send(account, 'give', account, amount);
      await chain.anvil.rpc('evm_setAutomine', false);
    },
  },
});
