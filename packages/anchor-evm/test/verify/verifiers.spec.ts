import verifiers from '@wattproof/anchor-evm/verify';
import { commitmentOf } from '@wattproof/core/verify';
import { keccak256 } from 'ethers';
import { trieProof } from '../../src/trie-proof.js';
import { registryAddress } from '../../src/deterministic-address.js';
import {
  calldataOf,
  CHECKPOINT_TOPIC,
  originHash,
  REGISTRY,
} from '../../src/verify/checkpoint-words.js';
import { bytesOf, hex, join, word } from '../../src/verify/hex.js';
import { keyOf } from '../../src/verify/receipt.verifier.js';
import { encodeRlp, type Rlp, scalar } from '../../src/verify/rlp.js';

const commitment = commitmentOf('rules.test/log', 3, new Uint8Array(32).fill(7));
const { origin, size, digest } = commitment;
const bytes = (length: number, fill = 0): Uint8Array => new Uint8Array(length).fill(fill);

/** Evidence that is sound in everything but what its transaction or receipt says. */
async function judge(type: string, value: Uint8Array, ledger = 'eip155:1') {
  const others = [1, 2, 3].map((fill) => bytes(60, fill));
  const values = [value, ...others].map((item, i) => ({ key: keyOf(i), value: item }));
  const { root, proof } = trieProof(values, 0);
  const header = encodeRlp([
    bytes(32),
    bytes(32),
    bytes(20),
    bytes(32),
    root,
    root,
    bytes(256),
    scalar(0),
    scalar(9),
    scalar(1),
    scalar(1),
    scalar(1_700_000_000),
    bytes(0),
    bytes(32),
    bytes(8),
    scalar(7),
  ]);
  const body = {
    header: hex(header),
    block_hash: keccak256(header).slice(2),
    height: 9,
    index: 0,
    proof: proof.map(hex),
  };
  const verifier = verifiers.find((one) => one.type === type)!;
  const headers = { header: async () => header };
  return verifier.verify(
    commitment,
    { type, anchor: 'evm', ledger, trust: 'light-client', body },
    { headers, trustedKeys: [] },
  );
}

const topics = [CHECKPOINT_TOPIC, word(5n), originHash(origin), digest];
const log = (changed: Partial<{ topics: Rlp; data: Rlp; address: Rlp }> = {}): Rlp => {
  const { address = bytes(20, 9), topics: of = topics, data = word(size) } = changed;
  return [address, of, data];
};
const receipt = (logs: Rlp, status = 1, type?: number): Uint8Array =>
  join(
    Uint8Array.from(type === undefined ? [] : [type]),
    encodeRlp([scalar(status), scalar(50_000), bytes(256), logs]),
  );

describe('a receipt', () => {
  it('of any type proves what one of its events publishes', async () => {
    for (const type of [undefined, 1, 2, 4])
      expect(
        await judge('evm-receipt/1', receipt([log({ data: word(8n) }), log()], 1, type)),
      ).toMatchObject({
        ok: true,
        trust: 'light-client',
        notAfterMs: 1_700_000_000_000,
        statement: expect.stringContaining(`0x${'09'.repeat(20)}`),
      });
  });

  it('tells the registry from a contract that says of a sender what it likes', async () => {
    expect(registryAddress()).toBe(`0x${REGISTRY}`);
    const said = async (address: Rlp) =>
      judge('evm-receipt/1', receipt([log({ address })])).then((verdict) =>
        'statement' in verdict ? verdict.statement : verdict.detail,
      );
    expect(await said(bytesOf(REGISTRY) as Uint8Array)).toMatch(`registry 0x${REGISTRY} recorded`);
    expect(await said(bytes(20, 9))).toMatch(`contract 0x${'09'.repeat(20)}, not the registry`);
  });

  it('proves nothing by a failure, another event, or other words in it', async () => {
    const other = (at: number) => topics.toSpliced(at, 1, word(6n));
    const refused: [string, Uint8Array][] = [
      ['transaction_reverted', receipt([log()], 0)],
      ['commitment_not_in_receipt', receipt([])],
      ['commitment_not_in_receipt', receipt([log({ topics: other(0) })])],
      ['commitment_not_in_receipt', receipt([log({ topics: other(2) })])],
      ['commitment_not_in_receipt', receipt([log({ topics: other(3) })])],
      ['commitment_not_in_receipt', receipt([log({ topics: topics.slice(0, 3) })])],
      ['commitment_not_in_receipt', receipt([log({ topics: [...topics, word(1n)] })])],
      ['commitment_not_in_receipt', receipt([log({ data: word(size + 1n) })])],
      ['commitment_not_in_receipt', receipt([log({ data: join(word(size), word(0n)) })])],
      ['commitment_not_in_receipt', receipt([log({ address: bytes(19) })])],
      ['evidence_malformed', Uint8Array.from([2, 0xff, ...bytes(40)])],
    ];
    for (const [code, value] of refused)
      expect(await judge('evm-receipt/1', value)).toMatchObject({ ok: false, code });
    expect(await judge('evm-receipt/1', receipt([log()]), 'bitcoin:mainnet')).toMatchObject({
      ok: false,
      code: 'ledger_unknown',
    });
  });
});

describe('a transaction', () => {
  const transaction = (chainId: number, data: Uint8Array, type = 2): Uint8Array =>
    join(
      Uint8Array.of(type),
      encodeRlp([
        scalar(chainId),
        scalar(0),
        scalar(1),
        scalar(2),
        scalar(30_000),
        bytes(20, 4),
        scalar(0),
        data,
        [],
        scalar(1),
        bytes(32, 5),
        bytes(32, 6),
      ]),
    );

  it('proves a commitment by calldata that is nothing else, on its own chain', async () => {
    const data = calldataOf(commitment);
    expect(await judge('evm-calldata/1', transaction(1, data))).toMatchObject({ ok: true });
    const refused: [string, Uint8Array][] = [
      ['other_chain', transaction(10, data)],
      ['transaction_malformed', transaction(1, data, 1)],
      ['commitment_not_in_transaction', transaction(1, join(data, bytes(1)))],
      ['commitment_not_in_transaction', transaction(1, data.slice(1))],
      ['commitment_not_in_transaction', transaction(1, bytes(0))],
      ['commitment_not_in_transaction', transaction(1, calldataOf({ ...commitment, size: 4n }))],
      ['commitment_not_in_transaction', transaction(1, calldataOf({ ...commitment, origin: 'x' }))],
    ];
    for (const [code, value] of refused)
      expect(await judge('evm-calldata/1', value)).toMatchObject({ ok: false, code });
  });
});
