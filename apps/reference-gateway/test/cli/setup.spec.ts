import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { registryAddress } from '@wattproof/anchor-evm';
import { Anvil } from '../../../../packages/anchor-evm/test/anvil/anvil.js';
import { commandContext } from '../../src/cli/command.js';
import { setup } from '../../src/cli/setup.js';
import { ConfigFolder, MINIMAL } from '../config/config-folder.js';

describe('gateway setup', () => {
  const folder = new ConfigFolder();
  let anvil: Anvil;
  let snapshot: string;

  beforeAll(async () => {
    anvil = await Anvil.start({ accounts: 4, automine: true });
    folder.write('owner.key', `${anvil.key(1)}\n`);
  });
  beforeEach(async () => {
    snapshot = await anvil.rpc('evm_snapshot');
    configure();
  });
  afterEach(async () => {
    await anvil.rpc('evm_revert', snapshot);
  });
  afterAll(async () => {
    await anvil.stop();
    folder.remove();
  });

  const account = (index: number): string => anvil.address(index);
  const code = (address: string): Promise<string> => anvil.rpc('eth_getCode', address, 'latest');
  const nonce = (index: number): Promise<string> =>
    anvil.rpc('eth_getTransactionCount', account(index), 'pending');

  function configure(options: object = {}, use = '@wattproof/anchor-evm') {
    const block = {
      use,
      chainId: 31_337,
      rpc: { url: anvil.url },
      key: anvil.key(0),
      maxFeeGwei: 20,
      ...options,
    };
    const anchors = JSON.stringify({ chain: block, own: { use: '@wattproof/core/local-ledger' } });
    folder.write('etc/gateway.yaml', `${MINIMAL}anchors: ${anchors}\n`);
  }

  async function run(...args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const context = commandContext({
      env: { WATTPROOF_CONFIG: folder.file },
      workingDirectory: folder.path,
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
    });
    return { code: await setup(args, context), out: out.join('\n'), err: err.join('\n') };
  }

  it('says what an anchor has to do', async () => {
    const { code: exit, out } = await run('chain');
    expect(exit).toBe(0);
    expect(out).toMatch(/^deploy-registry {2}puts .*\n {4}--key {2}private key .*\ndeploy-ports /);
    expect(await run('own')).toMatchObject({ code: 0, out: 'anchor "own" has no tasks' });
  });

  it('deploys the registry once, and says what it costs before', async () => {
    const dry = await run('chain', 'deploy-registry', '--dry-run');
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out).toContain(`the checkpoint registry: goes to ${registryAddress()}`);
    expect(dry.out).toMatch(
      /registry: at most \d{6,7} gas at [\d.]+ gwei, \d+ wei in all, from 0x/,
    );
    expect([await code(registryAddress()), await nonce(0)]).toEqual(['0x', '0x0']);

    const done = await run('chain', 'deploy-registry');
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).toContain(`the checkpoint registry: is at ${registryAddress()}`);
    expect((await code(registryAddress())).length).toBeGreaterThan(1_000);
    const used = await nonce(0);
    expect(await run('chain', 'deploy-registry')).toEqual({
      code: 0,
      err: '',
      out: `the checkpoint registry: is at ${registryAddress()} already`,
    });
    expect(await nonce(0)).toBe(used);
  });

  it('asks the nodes that there are, as many as the quorum wants', async () => {
    const rpc = [{ url: 'http://127.0.0.1:9' }, { url: anvil.url }];
    configure({ rpc, quorum: 1 });
    expect(await run('chain', 'deploy-registry')).toMatchObject({ code: 0, err: '' });
    configure({ rpc });
    expect((await run('chain', 'deploy-registry', '--dry-run')).out).toMatch(/is at .* already/);
  });

  it('deploys the ports from another account, and their owner appoints and dismisses the operator', async () => {
    const deployed = await run(
      'chain',
      'deploy-ports',
      '--owner',
      account(1),
      '--key-file',
      'owner.key',
    );
    expect(deployed).toMatchObject({ code: 0, err: '' });
    expect(await nonce(0)).toBe('0x0');
    const ports = Object.fromEntries(
      [...deployed.out.matchAll(/^ports\.(\w+): "(0x\w+)"$/gm)].map(([, name, at]) => [name, at]),
    );
    expect(Object.keys(ports)).toEqual(['tokens', 'certificates', 'settlement']);

    configure({ ports: { ...ports, key: anvil.key(2) } }, '@wattproof/anchor-evm/ports');
    const setOperator = (...more: string[]) => run('chain', 'set-operator', ...more);
    expect((await setOperator()).err).toMatch(/^invalid: Give "key"/);
    const stranger = await setOperator('--key', anvil.key(3));
    expect(stranger).toMatchObject({ code: 1 });
    expect(stranger.err).toMatch(/^rejected: tokens at 0x\w+ belongs to 0x\w+, not to 0x/);
    const before = await nonce(1);
    expect((await setOperator('--key-file', 'owner.key', '--dry-run')).out).toMatch(/wei in all/);
    expect(await nonce(1)).toBe(before);
    expect(await setOperator('--key-file', 'owner.key')).toMatchObject({ code: 0, err: '' });
    const again = await setOperator('--key-file', 'owner.key');
    expect(again.out.match(/is so already/g)).toHaveLength(3);
    const out = await setOperator('--key-file', 'owner.key', '--allowed', 'no');
    expect(out.out.match(/no longer operator: sent as/g)).toHaveLength(3);
  });

  it.each<[string, () => Promise<void> | void, RegExp]>([
    [
      'a node of another chain',
      () => configure({ chainId: 5 }),
      /^unavailable: .*serves chain 31337.*chainId 5/,
    ],
    [
      'no node',
      () => configure({ rpc: { url: 'http://127.0.0.1:9' } }),
      /^unavailable: .*127\.0\.0\.1:9 did not answer/,
    ],
    [
      'an account without coins',
      () => configure({ key: 'ab'.repeat(32) }),
      /^insufficient-funds: .*has 0 wei .*Send funds/,
    ],
    [
      'a price beyond the cap',
      () => configure({ maxFeeGwei: 0.5, maxPriorityFeeGwei: 0.1 }),
      /^capped: /,
    ],
    [
      'other code at the address',
      () => anvil.rpc('anvil_setCode', registryAddress(), '0x00'),
      /^rejected: .*code that is not the checkpoint registry/,
    ],
    [
      'a transaction of the account that waits',
      async () => {
        await anvil.rpc('evm_setAutomine', false);
        await anvil.rpc('eth_sendTransaction', { from: account(0), to: account(0) });
      },
      /^conflict: A transaction of 0x\w+ waits/,
    ],
  ])('sends nothing where there is %s, and says so', async (_what, given, why) => {
    await given();
    const { code: exit, err } = await run('chain', 'deploy-registry');
    await anvil.rpc('anvil_dropAllTransactions');
    await anvil.rpc('evm_setAutomine', true);
    expect(exit).toBe(1);
    expect(err).toMatch(why);
    expect(await nonce(0)).toBe('0x0');
  });

  it.each<[readonly string[], number, RegExp]>([
    [[], 2, /needs the ID of an anchor/],
    [['nowhere'], 1, /anchors\.nowhere: there is no such anchor; configured: chain, own/],
    [['chain', 'deploy'], 2, /has no task deploy; it has deploy-registry, deploy-ports/],
    [['chain', 'deploy-registry', '--cap', '1'], 2, /deploy-registry takes no --cap/],
    [['chain', 'deploy-registry', '--key'], 2, /--key needs a value/],
    [['chain', 'deploy-registry', '--key-file', 'none'], 2, /none cannot be read/],
    [['chain', 'deploy-registry', '--key', 'zz'], 1, /^invalid: "key" is no private key/],
    [['chain', 'deploy-ports', '--owner', '0x12'], 1, /^invalid: "owner" must be an address/],
    [['chain', 'deploy-registry', 'more'], 2, /takes an ID and a TASK, got 3/],
  ])('%j is told what is wrong', async (args, exit, why) => {
    const { code: got, err } = await run(...args);
    expect(got).toBe(exit);
    expect(err).toMatch(why);
  });
});
