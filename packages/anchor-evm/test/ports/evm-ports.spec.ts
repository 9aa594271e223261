import plugin, { deployPorts, EvmPortsConfig } from '@wattproof/anchor-evm/ports';
import { receiptVerifier } from '@wattproof/anchor-evm/verify';
import type { AnchorPorts, PluginContext } from '@wattproof/core/spi';
import { describePorts } from '@wattproof/core/testing';
import { hashMessage, id, MaxUint256, Wallet } from 'ethers';
import { EnergyToken } from '../../src/artifacts/ports/energy-token.js';
import { Deployed, odd, TestChain } from './test-chain.js';

/** Accounts: 0 owns, 1 operates, 2 to 4 trade, 5 anchors. */
let chain: TestChain;
let euro: Deployed;
let configuration: { ports: object; [member: string]: unknown };
let snapshot = '';

beforeAll(async () => {
  chain = await TestChain.start();
  euro = await chain.deploy(odd.OddToken);
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
  feeFloor: (_chain, times) =>
    chain.anvil.rpc('anvil_setNextBlockBaseFeePerGas', `0x${(times * 1e9 || 1e9).toString(16)}`),
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

const signal = new AbortController().signal;
const context: PluginContext = {
  instanceId: 'evm',
  origin: 'ports.test/log',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  clock: { nowMs: () => Date.parse('2026-05-01T12:00:00Z') },
};
const portsWith = (changes: object = {}, anchor: object = {}): Required<AnchorPorts> => {
  const ports = { ...configuration.ports, ...changes };
  const config = EvmPortsConfig.parse({ ...configuration, ...anchor, ports });
  return plugin.create(config, context).ports as Required<AnchorPorts>;
};

/** A receiver of certificates that does what takes more than a million gas before it takes them. */
async function glutton(): Promise<Deployed> {
  await chain.anvil.rpc('evm_setAutomine', true);
  const receiver = await chain.deploy(odd.OddReceiver);
  await receiver.send(
    chain.account(0),
    'behave',
    false,
    receiver.address,
    `0x${'11'.repeat(20_000)}`,
  );
  await chain.anvil.rpc('evm_setAutomine', false);
  return receiver;
}

describe('the operator of the ports', () => {
  let alice: string;
  const mint = ({ tokens }: AnchorPorts, key = 'm') =>
    tokens?.mint({ key, to: alice, energyUWh: 7n }, signal);
  const balance = ({ tokens }: AnchorPorts) => tokens?.balance(alice, signal);

  beforeEach(async () => {
    snapshot = await chain.anvil.rpc('evm_snapshot');
    alice = chain.account(2);
  });
  afterEach(async () => {
    chain.anvil.intercept(undefined);
    await chain.anvil.rpc('anvil_dropAllTransactions');
    await chain.anvil.rpc('evm_revert', snapshot);
  });

  it('tells the transaction that did it, though another process sent one too', async () => {
    const [one, two] = [portsWith(), portsWith()];
    const first = await mint(one);
    expect(first).toMatchObject({ status: 'pending', existing: false });
    expect(await mint(one)).toEqual({ ...first, existing: true });
    const second = await mint(two);
    expect(second?.txId).not.toBe(first?.txId);
    await chain.anvil.mine();
    for (const ports of [one, two, portsWith()])
      expect(await mint(ports)).toEqual({ txId: first?.txId, status: 'included', existing: true });
    expect(await balance(one)).toBe(7n);
    await chain.anvil.mine(3);
    expect(await mint(one)).toMatchObject({ status: 'final' });
  });

  it('refuses another request under a key whose first one still waits', async () => {
    const ports = portsWith();
    await mint(ports);
    const other = { key: 'm', to: alice, energyUWh: 8n };
    await expect(ports.tokens.mint(other, signal)).rejects.toMatchObject({ code: 'key_conflict' });
    await expect(portsWith().tokens.mint(other, signal)).resolves.toMatchObject({
      status: 'pending',
    });
    await chain.anvil.mine();
    expect(await mint(ports)).toMatchObject({ status: 'included' });
    expect(await balance(ports)).toBe(7n);
  });

  it('does once what was sent and nobody heard of', async () => {
    const ports = portsWith();
    chain.anvil.intercept((method) =>
      method === 'eth_sendRawTransaction'
        ? { error: { code: -32_603, message: 'the gateway timed out' } }
        : undefined,
    );
    await expect(mint(ports)).rejects.toMatchObject({ reason: 'unavailable' });
    chain.anvil.intercept(undefined);
    expect(await mint(ports)).toMatchObject({ status: 'pending' });
    await chain.anvil.mine();
    expect(await mint(ports)).toMatchObject({ status: 'included' });
    expect(await balance(ports)).toBe(7n);
  });

  it('does again what a reorganisation took back', async () => {
    const ports = portsWith();
    await mint(ports);
    await chain.anvil.mine();
    expect(await mint(ports)).toMatchObject({ status: 'included' });
    await chain.anvil.reorganise(1);
    expect(await balance(ports)).toBe(0n);
    expect(await mint(ports)).toMatchObject({ status: 'pending', existing: false });
    await chain.anvil.mine();
    expect(await mint(ports)).toMatchObject({ status: 'included' });
    expect(await balance(ports)).toBe(7n);
  });

  it('replaces what the base fee left behind, and is capped where it may pay no more', async () => {
    const ports = portsWith();
    const first = await mint(ports);
    // anvil would drop what the base fee leaves behind.
    const baseFee = (gwei: number) =>
      chain.anvil.intercept((method, _params, { result }) =>
        method === 'eth_getBlockByNumber'
          ? { result: { ...result, baseFeePerGas: `0x${(gwei * 1e9).toString(16)}` } }
          : undefined,
      );
    baseFee(40);
    const second = await mint(ports);
    expect(second).toMatchObject({ status: 'pending', existing: true });
    expect(second?.txId).not.toBe(first?.txId);
    expect(await mint(ports)).toEqual(second);
    await chain.anvil.mine();
    expect(await mint(ports)).toEqual({ txId: second?.txId, status: 'included', existing: true });
    expect(await balance(ports)).toBe(7n);
    baseFee(400);
    await expect(mint(ports, 'n')).rejects.toMatchObject({ reason: 'capped' });
  });

  it('says what it lacks: funds, the right, an approval, the contract', async () => {
    const { certificates, tokens } = portsWith();
    const stranger = { key: chain.anvil.key(6) };
    await expect(mint(portsWith(stranger))).rejects.toMatchObject({ code: 'not_authorised' });
    await mint({ tokens } as AnchorPorts);
    await chain.anvil.mine();
    const burn = { key: 'b', from: chain.account(7), energyUWh: 1n };
    await expect(tokens.burn(burn, signal)).rejects.toMatchObject({ code: 'not_authorised' });
    const certificateHash = new Uint8Array(32).fill(1);
    const retire = { key: 'r', certificateHash, from: chain.account(7), energyWh: 1n };
    await expect(certificates.retire(retire, signal)).rejects.toMatchObject({
      code: 'not_authorised',
    });
    await expect(mint(portsWith({ tokens: chain.account(9) }))).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('Check ports') as string,
    });
    await chain.anvil.rpc('anvil_setBalance', chain.account(1), '0x1');
    await expect(mint(portsWith(), 'n')).rejects.toMatchObject({ reason: 'insufficient-funds' });
  });

  it('does not pay for whatever a contract that receives something wants to do', async () => {
    const receiver = await glutton();
    const issue = {
      key: 'i',
      to: receiver.address,
      certificateHash: new Uint8Array(32).fill(2),
      energyWh: 1n,
    };
    await expect(portsWith().certificates.issue(issue, signal)).rejects.toMatchObject({
      reason: 'capped',
      message: expect.stringContaining('ports.maxGas') as string,
    });
    expect(await portsWith({ maxGas: 30_000_000 }).certificates.issue(issue, signal)).toMatchObject(
      { status: 'pending' },
    );
  });

  it('says what is wrong when a node wraps half an error, and with names nobody could read', async () => {
    const { certificates } = portsWith();
    const retire = { key: 'r', certificateHash: new Uint8Array(32), from: alice, energyWh: 1n };
    for (const beneficiary of ['', 'x'.repeat(201), 'a\u0000b', '\ud800'])
      await expect(certificates.retire({ ...retire, beneficiary }, signal)).rejects.toMatchObject({
        code: 'request_invalid',
      });
    await expect(mint(portsWith(), 'a\nb')).rejects.toMatchObject({ code: 'request_invalid' });
    // KeyConflict(bytes32) without its key.
    const data = `${id('KeyConflict(bytes32)').slice(0, 10)}00`;
    const error = { code: 3, message: 'execution reverted', data };
    chain.anvil.intercept((method) => (method === 'eth_call' ? { error } : undefined));
    await expect(certificates.retire(retire, signal)).rejects.toMatchObject({ reason: 'rejected' });
  });

  it('does not believe a node that hides what was done', async () => {
    const ports = portsWith();
    await mint(ports);
    await chain.anvil.mine();
    chain.anvil.intercept((method) => (method === 'eth_getLogs' ? { result: [] } : undefined));
    await expect(mint(ports)).rejects.toMatchObject({ reason: 'unavailable' });
  });

  it('knows units of payment by configuration, and refuses others', async () => {
    const { settlement } = portsWith();
    const payment = { amount: 1n, unit: 'GBP' };
    const trade = { tradeId: 't', seller: alice, buyer: chain.account(3), energyUWh: 1n, payment };
    await expect(settlement.settle(trade, signal)).rejects.toMatchObject({
      code: 'request_invalid',
    });
  });

  it('is an account of its own', () => {
    expect(() => portsWith({}, { key: chain.anvil.key(1) })).toThrow('must not be the account');
    expect(() => portsWith({ key: undefined })).toThrow('exactly one of key');
  });
});

describe('the contracts of the ports', () => {
  it('are deployed once, at addresses that follow from their owner', async () => {
    await chain.anvil.rpc('evm_setAutomine', true);
    const options = {
      chainId: 31_337,
      rpc: { url: chain.anvil.url, timeoutMs: 10_000 },
      signer: chain.anvil.key(8),
      owner: chain.account(0),
      pollMs: 5,
    };
    const addresses = await deployPorts(options);
    expect(await deployPorts(options)).toEqual(addresses);
    expect(await deployPorts({ ...options, owner: chain.account(9) })).not.toEqual(addresses);
    const token = new Deployed(chain, addresses.tokens, EnergyToken.abi);
    expect(await token.read('owner')).toBe(chain.account(0));
    expect(await token.read('symbol')).toBe('WPE');
    await chain.anvil.rpc('evm_setAutomine', false);
  });
});

describe('the wallet of the EVM anchor', () => {
  const message = (address: string) =>
    `energy.example wants you to sign in with your Ethereum account:\n${address}\n\n\n` +
    'URI: https://energy.example\nVersion: 1\nChain ID: 31337\nNonce: abcdefgh\nIssued At: 2026-05-01T12:00:00Z';

  it('logs in keys, and contracts by what they answer on chain', async () => {
    await chain.anvil.rpc('evm_setAutomine', true);
    const { wallet } = portsWith();
    const key = new Wallet(chain.anvil.key(2));
    const text = message(key.address);
    const signature = await key.signMessage(text);
    expect(await wallet.verifyLogin({ address: key.address, message: text, signature })).toBe(true);

    const contract = await chain.deploy(odd.OddWallet);
    const theirs = message(contract.address);
    await contract.send(chain.account(0), 'accept', hashMessage(theirs), '0x1234');
    const login = { address: contract.address, message: theirs };
    expect(await wallet.verifyLogin({ ...login, signature: '0x1234' })).toBe(true);
    expect(await wallet.verifyLogin({ ...login, signature: '0x1235' })).toBe(false);
    expect(await wallet.verifyLogin({ ...login, signature: '0x' })).toBe(false);
    expect(await wallet.verifyLogin({ ...login, signature })).toBe(false);
    chain.anvil.setDown(true);
    await expect(wallet.verifyLogin({ ...login, signature: '0x1234' })).rejects.toMatchObject({
      reason: 'unavailable',
    });
    chain.anvil.setDown(false);
    await chain.anvil.rpc('evm_setAutomine', false);
  });
});
