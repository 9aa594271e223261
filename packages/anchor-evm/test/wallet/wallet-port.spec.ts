import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hashMessage, Wallet } from 'ethers';
import { EvmNode } from '../../src/evm-node.js';
import { checkSignIn } from '../../src/wallet/check-sign-in.js';
import { contractsOn } from '../../src/wallet/contract-reader.js';
import { personalSigner } from '../../src/wallet/personal-signature.js';
import { readSignInMessage } from '../../src/wallet/sign-in-message.js';
import { type ContractReader, evmWallet } from '../../src/wallet/wallet-port.js';

const NOW_MS = Date.parse('2026-05-01T12:00:00Z');
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const wallet = new Wallet(`0x${'4c'.repeat(32)}`);
const other = new Wallet(`0x${'4d'.repeat(32)}`);
const challenge = { domain: 'energy.example', nonce: 'kEWepMt9knR6lWJ6A' };

const lines = (changes: Readonly<Record<string, string>> = {}) => ({
  domain: 'energy.example',
  address: wallet.address,
  statement: '\nSign in to see your meters.\n',
  uri: 'https://energy.example/login',
  version: '1',
  chain: '1',
  nonce: challenge.nonce,
  issued: '2026-05-01T11:59:00Z',
  rest: '\nExpiration Time: 2026-05-01T12:05:00Z',
  ...changes,
});
function text(changes: Readonly<Record<string, string>> = {}): string {
  const m = lines(changes);
  return (
    `${m.domain} wants you to sign in with your Ethereum account:\n${m.address}\n${m.statement}\n` +
    `URI: ${m.uri}\nVersion: ${m.version}\nChain ID: ${m.chain}\nNonce: ${m.nonce}\nIssued At: ${m.issued}${m.rest}`
  );
}

/** A node of chain 1 on which every contract answers the same. */
async function nodeSaying(answer: string) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    const result = method === 'eth_chainId' ? '0x1' : answer;
    response.writeHead(answer === 'down' ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port: number } = server.address() as AddressInfo;
  const stop = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
  return { url: `http://127.0.0.1:${number}`, stop };
}

const port = (contracts?: ContractReader) =>
  evmWallet({
    chainId: 1n,
    clock: { nowMs: () => NOW_MS },
    ...(contracts === undefined ? {} : { contracts }),
  });
const logsIn = (message: string, signature: string, address = wallet.address) =>
  port().verifyLogin({ address, message, signature, challenge });

describe('a message of Sign-In with Ethereum', () => {
  it('is read as the example of EIP-4361', () => {
    const example = `example.com wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json`;
    expect(readSignInMessage(example)).toEqual({
      domain: 'example.com',
      address: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
      statement: 'I accept the ExampleOrg Terms of Service: https://example.com/tos',
      uri: 'https://example.com/login',
      chainId: 1n,
      nonce: '32891756',
      issuedAtMs: Date.parse('2021-09-30T16:25:24Z'),
      resources: [
        'ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/',
        'https://example.com/my-web2-claim.json',
      ],
    });
  });

  it.each([
    ['a scheme and a port', { domain: 'https://energy.example:8443' }],
    ['no statement', { statement: '\n' }],
    ['milliseconds and an offset', { issued: '2026-05-01T13:59:00.123+02:00' }],
    ['a request id', { rest: '\nRequest ID: a%20b' }],
    ['an empty request id', { rest: '\nRequest ID: ' }],
    ['no resources under their heading', { rest: '\nResources:' }],
  ])('may have %s', (_what, changes) => {
    expect(readSignInMessage(text({ rest: '', ...changes }))).toBeDefined();
  });

  it.each([
    ['lines that end in CRLF', text().replaceAll('\n', '\r\n')],
    ['one CR', text().replace('Sign in', 'Sign\rin')],
    ['a line feed at its end', `${text()}\n`],
    ['a space before it', ` ${text()}`],
    ['a letter of another script', text({ domain: 'еnergy.example' })],
    ['a statement in another script', text({ statement: '\nZählerstände ansehen\n' })],
    ['a statement of two lines', text({ statement: '\none\ntwo\n' })],
    ['user information before its host', text({ domain: 'energy.example@evil.example' })],
    ['a path behind its host', text({ domain: 'energy.example/x' })],
    ['no URI', text({ uri: '' })],
    ['a URI that is none', text({ uri: 'energy.example' })],
    ['another version', text({ version: '2' })],
    ['a chain that is no number', text({ chain: '0x1' })],
    ['a nonce of seven characters', text({ nonce: 'abcdefg' })],
    ['a nonce with a sign', text({ nonce: 'abcdefgh-' })],
    ['an hour that does not exist', text({ issued: '2026-05-01T25:00:00Z' })],
    ['a day that does not exist', text({ issued: '2026-02-30T10:00:00Z' })],
    ['a time without a zone', text({ issued: '2026-05-01T11:59:00' })],
    [
      'its lines in another order',
      text({ rest: '\nNot Before: 2026-05-01T10:00:00Z\nExpiration Time: 2026-05-01T12:05:00Z' }),
    ],
    ['a line nobody knows', text({ rest: '\nRole: admin' })],
    ['an upper-case field name', text().replace('Nonce:', 'NONCE:')],
    ['an address of 39 digits', text({ address: wallet.address.slice(0, -1) })],
    ['too much of it', text({ statement: `\n${'a'.repeat(9_000)}\n` })],
  ])('is not one with %s', async (_what, message) => {
    expect(readSignInMessage(message)).toBeUndefined();
    expect(await logsIn(message, await wallet.signMessage(message))).toBe(false);
  });
});

describe('what a message must say', () => {
  const expected = { address: wallet.address, chainId: 1n, nowMs: NOW_MS, ...challenge };

  it.each([
    ['other_domain', { domain: 'evil.example' }],
    ['other_domain', { domain: 'energy.example.evil.example' }],
    ['other_domain', { domain: 'energy.example:8443' }],
    ['other_nonce', { nonce: 'kEWepMt9knR6lWJ6B' }],
    ['other_nonce', { nonce: challenge.nonce.toLowerCase() }],
    ['other_chain', { chain: '137' }],
    ['address_checksum', { address: wallet.address.toLowerCase() }],
    ['address_checksum', { address: `0x${wallet.address.slice(2).toUpperCase()}` }],
    ['other_address', { address: other.address }],
    ['issued_in_future', { issued: '2026-05-01T12:02:00Z' }],
    ['expired', { rest: '\nExpiration Time: 2026-05-01T12:00:00Z' }],
    ['not_yet_valid', { rest: '\nNot Before: 2026-05-01T12:00:01Z' }],
  ])('is refused as %s when it says %j', async (code, changes) => {
    const message = text(changes);
    expect(checkSignIn(message, expected)).toMatchObject({ ok: false, code });
    expect(await logsIn(message, await wallet.signMessage(message))).toBe(false);
  });
});

describe('the login of a key', () => {
  it('takes a signature over the message that was asked for', async () => {
    const message = text();
    const signature = await wallet.signMessage(message);
    expect(await logsIn(message, signature)).toBe(true);
    expect(await logsIn(message, signature, wallet.address.toLowerCase())).toBe(true);
    expect(port().chain).toBe('eip155:1');
    expect(await port().verifyLogin({ address: wallet.address, message, signature })).toBe(true);
  });

  it('recovers the published signature of web3.js', () => {
    const signature =
      '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd' +
      '6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c';
    expect(personalSigner('Some data', signature)).toBe(
      '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23',
    );
  });

  it('takes one form of a signature and v as wallets write it', async () => {
    const message = text();
    const signature = await wallet.signMessage(message);
    const rs = signature.slice(0, 130);
    const v = Number.parseInt(signature.slice(130), 16);
    const s = BigInt(`0x${signature.slice(66, 130)}`);
    const hex = (value: bigint | number, digits: number) =>
      value.toString(16).padStart(digits, '0');
    expect(await logsIn(message, `${rs}${hex(v - 27, 2)}`)).toBe(true);
    const twin = `${signature.slice(0, 66)}${hex(ORDER - s, 64)}${hex(55 - v, 2)}`;
    const wrong = [
      twin,
      `${rs}${hex(55 - v, 2)}`,
      `${rs}${hex(v + 8, 2)}`,
      `${rs}${hex(v + 10, 2)}`,
      rs,
      `${signature}00`,
      signature.slice(2),
      `0X${signature.slice(2)}`,
      ` ${signature}`,
      `0x${'00'.repeat(64)}1b`,
      `0x${'ff'.repeat(64)}1b`,
      `0x${signature.slice(2, 66)}${'0'.repeat(64)}1b`,
      '',
      '0x',
    ];
    for (const forged of wrong)
      expect([forged, await logsIn(message, forged)]).toEqual([forged, false]);
  });

  it('refuses the signature of another key, over another message, and for another address', async () => {
    const message = text();
    expect(await logsIn(message, await other.signMessage(message))).toBe(false);
    expect(await logsIn(message, await wallet.signMessage(`${message} `))).toBe(false);
    expect(await logsIn(message, await wallet.signMessage(message), other.address)).toBe(false);
    const wrongCase = wallet.address.replace(/[a-f]/, (digit) => digit.toUpperCase());
    expect(await logsIn(message, await wallet.signMessage(message), wrongCase)).toBe(false);
  });
});

describe('the login of a contract', () => {
  const accepts = `0x1626ba7e${'0'.repeat(56)}`;
  const asked = (answer: string | Error) =>
    port({
      call: async () => {
        if (answer instanceof Error) throw answer;
        return answer;
      },
    }).verifyLogin({ address: wallet.address, message: text(), signature: '0x1234', challenge });

  it('is what the contract says, in exactly its word', async () => {
    expect(await asked(accepts)).toBe(true);
    for (const answer of [
      '0x',
      '0x1626ba7e',
      `0xffffffff${'0'.repeat(56)}`,
      `0x${'0'.repeat(63)}1`,
    ])
      expect(await asked(answer)).toBe(false);
  });

  it('asks about the hash of the message, and only of contracts a message speaks for', async () => {
    const calls: string[] = [];
    const reader = {
      call: async (to: string, data: string) => {
        calls.push(`${to} ${data}`);
        return '0x';
      },
    };
    const request = { address: wallet.address, message: text(), signature: '0x1234', challenge };
    await port(reader).verifyLogin(request);
    await port(reader).verifyLogin({ ...request, message: text({ domain: 'evil.example' }) });
    await port(reader).verifyLogin({ ...request, signature: 'no bytes' });
    expect(calls).toHaveLength(1);
    expect(calls[0]).toContain(`${wallet.address} 0x1626ba7e${hashMessage(text()).slice(2)}`);
  });

  it('is unknown while the node does not answer', async () => {
    await expect(asked(new Error('no route'))).rejects.toMatchObject({ reason: 'unavailable' });
  });

  it.each([
    [[accepts, '0x', '0x'], false],
    [['0x', accepts, accepts], true],
    [[accepts, accepts, 'down'], true],
  ] as const)('is what most of several nodes say: %j', async (answers, expected) => {
    const nodes = await Promise.all(answers.map(nodeSaying));
    const contracts = contractsOn(
      new EvmNode(
        nodes.map(({ url }) => ({ url, timeoutMs: 9e3 })),
        1,
      ),
    );
    const request = { address: wallet.address, message: text(), signature: '0x1234', challenge };
    expect(await port(contracts).verifyLogin(request)).toBe(expected);
    for (const { stop } of nodes) await stop();
  });

  it('needs a node', async () => {
    expect(await logsIn(text(), '0x1234')).toBe(false);
  });
});
