import { id, MaxUint256, ZeroAddress } from 'ethers';
import { type Deployed, odd, TestChain } from './test-chain.js';

let chain: TestChain;
let token: Deployed;
let certificates: Deployed;
let settlement: Deployed;
let [owner, operator, alice, bob, stranger] = ['', '', '', '', ''];
let snapshot = '';

/** What each operation cost, printed at the end. */
const gas: Record<string, number> = {};

beforeAll(async () => {
  chain = await TestChain.start();
  [owner, operator, alice, bob, stranger] = [0, 1, 2, 3, 4].map((index) =>
    chain.account(index),
  ) as [string, string, string, string, string];
  ({ token, certificates, settlement } = await chain.deployPorts());
});
afterAll(async () => {
  await chain.stop();
  process.stdout.write(
    `gas: ${Object.entries(gas)
      .map(([what, used]) => `${what} ${used}`)
      .join(', ')}\n`,
  );
});
beforeEach(async () => {
  snapshot = await chain.anvil.rpc('evm_snapshot');
});
afterEach(async () => {
  await chain.anvil.rpc('evm_revert', snapshot);
});

const key = (text: string): string => id(text);

describe('the energy token', () => {
  it('has 9 decimals and mints once for a key', async () => {
    expect(await token.read('decimals')).toBe(9n);
    gas['first mint'] = await token.send(operator, 'mintOnce', key('meter/1'), alice, 1_000n);
    gas['next mint'] = await token.send(operator, 'mintOnce', key('meter/2'), alice, 1n);
    gas['mint again'] = await token.send(operator, 'mintOnce', key('meter/1'), alice, 1_000n);
    expect(await token.read('balanceOf', alice)).toBe(1_001n);
    expect(await token.read('totalSupply')).toBe(1_001n);
  });

  it('refuses a key that stands for another mint, burn or transfer', async () => {
    await token.send(operator, 'mintOnce', key('k'), operator, 5n);
    const conflict = `KeyConflict(${key('k')})`;
    const calls: readonly (readonly [string, ...unknown[]])[] = [
      ['mintOnce', key('k'), operator, 6n],
      ['mintOnce', key('k'), alice, 5n],
      ['burnOnce', key('k'), operator, 5n],
      ['transferOnce', key('k'), operator, alice, 5n],
    ];
    for (const call of calls) await expect(token.send(operator, ...call)).rejects.toThrow(conflict);
  });

  it('lets nobody but operators mint, and nobody but the owner appoint them', async () => {
    for (const sender of [owner, stranger, alice])
      await expect(token.send(sender, 'mintOnce', key('k'), sender, 1n)).rejects.toThrow(
        `NotOperator(${sender})`,
      );
    for (const sender of [operator, stranger])
      await expect(token.send(sender, 'setOperator', sender, true)).rejects.toThrow(
        `NotOwner(${sender})`,
      );
    await token.send(operator, 'mintOnce', key('k'), alice, 1n);
    await token.send(owner, 'setOperator', operator, false);
    await token.send(owner, 'setOperator', stranger, true);
    await expect(token.send(operator, 'mintOnce', key('l'), alice, 1n)).rejects.toThrow(
      'NotOperator',
    );
    await token.send(stranger, 'mintOnce', key('k'), alice, 1n);
    expect(await token.read('balanceOf', alice)).toBe(1n);
  });

  it('changes owners only when the next one takes it', async () => {
    await token.send(owner, 'proposeOwner', bob);
    await expect(token.send(stranger, 'acceptOwnership')).rejects.toThrow('NotOwner');
    await token.send(bob, 'acceptOwnership');
    await expect(token.send(owner, 'setOperator', owner, true)).rejects.toThrow('NotOwner');
    await token.send(bob, 'setOperator', bob, true);
  });

  it('moves for an operator what its holder approved, once for a key, and no more', async () => {
    await token.send(operator, 'mintOnce', key('m'), alice, 10n);
    await expect(token.send(operator, 'transferOnce', key('t'), alice, bob, 4n)).rejects.toThrow(
      `ERC20InsufficientAllowance(${operator}, 0, 4)`,
    );
    await token.send(alice, 'approve', operator, 7n);
    gas['transfer'] = await token.send(operator, 'transferOnce', key('t'), alice, bob, 4n);
    await token.send(operator, 'transferOnce', key('t'), alice, bob, 4n);
    expect(await token.read('balanceOf', bob)).toBe(4n);
    expect(await token.read('allowance', alice, operator)).toBe(3n);
    gas['burn'] = await token.send(operator, 'burnOnce', key('b'), alice, 3n);
    expect(await token.read('totalSupply')).toBe(7n);
    await token.send(alice, 'approve', operator, MaxUint256);
    await expect(token.send(operator, 'burnOnce', key('b2'), alice, 4n)).rejects.toThrow(
      `ERC20InsufficientBalance(${alice}, 3, 4)`,
    );
    await expect(
      token.send(operator, 'transferOnce', key('z'), alice, ZeroAddress, 1n),
    ).rejects.toThrow('ERC20InvalidReceiver');
  });

  it('is an ERC-20 for its holders', async () => {
    await token.send(operator, 'mintOnce', key('m'), alice, 10n);
    await token.send(alice, 'transfer', bob, 3n);
    await token.send(alice, 'transfer', alice, 7n);
    await token.send(bob, 'approve', stranger, 2n);
    await token.send(stranger, 'transferFrom', bob, stranger, 2n);
    await expect(token.send(stranger, 'transferFrom', bob, stranger, 1n)).rejects.toThrow(
      'ERC20InsufficientAllowance',
    );
    await expect(token.send(alice, 'transfer', bob, 8n)).rejects.toThrow(
      'ERC20InsufficientBalance',
    );
    const balances = [alice, bob, stranger].map((who) => token.read('balanceOf', who));
    expect(await Promise.all(balances)).toEqual([7n, 1n, 2n]);
  });
});

describe('the certificates', () => {
  const hash = id('certificate 1');

  it('are issued once, under whatever key', async () => {
    gas['issue'] = await certificates.send(operator, 'issueOnce', key('c'), alice, hash, 1_000n);
    await certificates.send(operator, 'issueOnce', key('c'), alice, hash, 1_000n);
    await expect(
      certificates.send(operator, 'issueOnce', key('d'), alice, hash, 1_000n),
    ).rejects.toThrow('CertificateExists');
    await expect(
      certificates.send(operator, 'issueOnce', key('c'), alice, hash, 1n),
    ).rejects.toThrow('KeyConflict');
    expect(await certificates.read('balanceOf', alice, hash)).toBe(1_000n);
    expect(await certificates.read('issuerOf', hash)).toBe(operator);
  });

  it('are retired in parts, and what is retired never moves again', async () => {
    await certificates.send(operator, 'issueOnce', key('c'), alice, hash, 10n);
    await expect(
      certificates.send(operator, 'claimOnce', key('r'), alice, hash, 4n, '0x'),
    ).rejects.toThrow(`ERC1155MissingApprovalForAll(${operator}, ${alice})`);
    await certificates.send(alice, 'setApprovalForAll', operator, true);
    gas['retire'] = await certificates.send(
      operator,
      'claimOnce',
      key('r'),
      alice,
      hash,
      4n,
      '0x41',
    );
    await certificates.send(operator, 'claimOnce', key('r'), alice, hash, 4n, '0x41');
    await expect(
      certificates.send(operator, 'claimOnce', key('r'), alice, hash, 4n, '0x42'),
    ).rejects.toThrow('KeyConflict');
    await expect(
      certificates.send(operator, 'transferOnce', key('t'), alice, bob, hash, 7n),
    ).rejects.toThrow(`ERC1155InsufficientBalance(${alice}, 6, 7`);
    gas['move certificate'] = await certificates.send(
      operator,
      'transferOnce',
      key('t'),
      alice,
      bob,
      hash,
      6n,
    );
    await certificates.send(bob, 'claim', hash, 6n, '0x');
    for (const holder of [alice, bob])
      await expect(
        certificates.send(holder, 'safeTransferFrom', holder, stranger, hash, 1n, '0x'),
      ).rejects.toThrow('ERC1155InsufficientBalance');
    expect(await certificates.read('claimedBalanceOf', alice, hash)).toBe(4n);
    expect(await certificates.read('claimedBalanceOf', bob, hash)).toBe(6n);
  });

  it('let nobody but operators issue, and nobody move what is not his', async () => {
    await expect(
      certificates.send(stranger, 'issueOnce', key('c'), stranger, hash, 1n),
    ).rejects.toThrow('NotOperator');
    await certificates.send(operator, 'issueOnce', key('c'), alice, hash, 10n);
    await expect(
      certificates.send(stranger, 'safeTransferFrom', alice, stranger, hash, 1n, '0x'),
    ).rejects.toThrow('ERC1155MissingApprovalForAll');
    await expect(
      certificates.send(stranger, 'safeBatchTransferFrom', alice, stranger, [hash], [1n], '0x'),
    ).rejects.toThrow('ERC1155MissingApprovalForAll');
    await expect(certificates.send(stranger, 'claim', hash, 1n, '0x')).rejects.toThrow(
      'ERC1155InsufficientBalance',
    );
    await expect(certificates.send(stranger, 'claim', id('other'), 0n, '0x')).rejects.toThrow(
      'CertificateUnknown',
    );
    await certificates.send(
      alice,
      'safeBatchTransferFrom',
      alice,
      bob,
      [hash, hash],
      [1n, 2n],
      '0x',
    );
    expect(await certificates.read('balanceOf', bob, hash)).toBe(3n);
  });

  it('are whole when a receiver calls back, and stay when it refuses', async () => {
    const receiver = await chain.deploy(odd.OddReceiver);
    const back = certificates.encode('safeTransferFrom', receiver.address, bob, hash, 10n, '0x');
    await receiver.send(stranger, 'behave', false, certificates.address, back);
    await certificates.send(operator, 'issueOnce', key('c'), receiver.address, hash, 10n);
    expect(await receiver.read('reentered')).toBe(true);
    expect(await certificates.read('balanceOf', receiver.address, hash)).toBe(0n);
    expect(await certificates.read('balanceOf', bob, hash)).toBe(10n);
    await receiver.send(stranger, 'behave', true, ZeroAddress, '0x');
    await expect(
      certificates.send(bob, 'safeTransferFrom', bob, receiver.address, hash, 1n, '0x'),
    ).rejects.toThrow('ERC1155InvalidReceiver');
    expect(await certificates.read('balanceOf', bob, hash)).toBe(10n);
  });
});

describe('the settlement', () => {
  let euro: Deployed;

  beforeEach(async () => {
    euro = await chain.deploy(odd.OddToken);
    await euro.send(stranger, 'give', bob, 100n);
    await euro.send(bob, 'approve', settlement.address, MaxUint256);
    await token.send(operator, 'mintOnce', key('m'), alice, 10n);
    await token.send(alice, 'approve', settlement.address, MaxUint256);
  });

  const settle = (trade: string, energy: bigint, payment: bigint, sender = operator) =>
    settlement.send(sender, 'settleOnce', key(trade), alice, bob, energy, euro.address, payment);
  const balances = async () => [
    await token.read('balanceOf', alice),
    await token.read('balanceOf', bob),
    await euro.read('balanceOf', alice),
    await euro.read('balanceOf', bob),
  ];

  it('moves energy and payment of a trade once', async () => {
    gas['settle'] = await settle('trade-1', 4n, 30n);
    gas['settle again'] = await settle('trade-1', 4n, 30n);
    expect(await balances()).toEqual([6n, 4n, 30n, 70n]);
    await expect(settle('trade-1', 4n, 31n)).rejects.toThrow('KeyConflict');
    await expect(settle('trade-1', 5n, 30n)).rejects.toThrow('KeyConflict');
    await expect(settle('trade-2', 1n, 1n, stranger)).rejects.toThrow('NotOperator');
    await settle('free', 1n, 0n);
    expect(await balances()).toEqual([5n, 5n, 30n, 70n]);
  });

  it.each([
    ['energy is short', 11n, 1n, false],
    ['money is short', 1n, 101n, false],
    ['the money answers no instead of reverting', 1n, 101n, true],
  ])('moves nothing when %s', async (_what, energy, payment, soft) => {
    await euro.send(stranger, 'behave', 0, false, soft, ZeroAddress, '0x');
    await expect(settle('trade-1', energy, payment)).rejects.toThrow('TransferFailed');
    expect(await balances()).toEqual([10n, 0n, 0n, 100n]);
    await settle('trade-1', 1n, 1n);
  });

  it('takes a token that answers nothing and refuses one that keeps a part', async () => {
    await euro.send(stranger, 'behave', 0, true, false, ZeroAddress, '0x');
    await settle('trade-1', 1n, 50n);
    await euro.send(stranger, 'behave', 10, false, false, ZeroAddress, '0x');
    await expect(settle('trade-2', 1n, 50n)).rejects.toThrow(
      `ReceivedLess(${euro.address}, 45, 50)`,
    );
    expect(await balances()).toEqual([9n, 1n, 50n, 50n]);
  });

  it('is not settled twice by a payment token that calls back, even one that operates it', async () => {
    const again = settlement.encode(
      'settleOnce',
      key('trade-1'),
      alice,
      bob,
      4n,
      euro.address,
      30n,
    );
    await euro.send(stranger, 'behave', 0, false, false, settlement.address, again);
    await settlement.send(owner, 'setOperator', euro.address, true);
    await settle('trade-1', 4n, 30n);
    expect(await euro.read('reentered')).toBe(true);
    expect(await balances()).toEqual([6n, 4n, 30n, 70n]);
  });

  it('takes no trade with oneself, and no money that is no contract', async () => {
    await expect(
      settlement.send(operator, 'settleOnce', key('t'), alice, alice, 1n, euro.address, 1n),
    ).rejects.toThrow('OneParty');
    await expect(
      settlement.send(operator, 'settleOnce', key('t'), alice, bob, 1n, stranger, 1n),
    ).rejects.toThrow('revert');
  });
});
