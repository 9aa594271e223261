import * as ecc from '@bitcoinerlab/secp256k1';
import { networks, payments, script, Transaction } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import { bip322MessageHash, bip322Transactions, verifyBip322 } from '../src/bip-322.js';
import { bitcoinLogin } from '../src/wallet-login.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const P2WPKH = 'bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l';
const EMPTY = [
  'AkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixpX8z46TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
  'AkgwRQIhAPkJ1Q4oYS0htvyuSFHLxRQpFAY56b70UvE7Dxazen0ZAiAtZfFz1S6T6I23MWI2lK/pcNTWncuyL8UL+oMdydVgzAEhAsfxIAMZZEKUPYWI4BruhAQjzFT8FSFSajuFwrDL1Yhy',
] as const;
const P2TR = 'bc1p9cyuceaazr8cz46mvgkzl94wy397mwpqsrk84su37t72jvkg6wzqv52nfp';
const P2TR_SIGNED =
  'AUBay6NwR4LEYedkTG+vE9F7C0RTOCB5NH6ZAqf+3hudjHIkOzSZk1jW/5Kt0wRKX3llJ25os+0qktdou4/Y8516';
const MULTISIG = 'bc1qp0ahvfh83088w49k405szqgg4f3pptr7p2g06tdxfjcd40z4lh4q95lsz9';

/** Test vectors of BIP-322: basic-test-vectors.json and generated-test-vectors.json beside its text. */
describe('a login signed as BIP-322 says', () => {
  it.each([
    [
      '',
      'c90c269c4f8fcbe6880f72a721ddfbf1914268a794cbb21cfafee13770ae19f1',
      'c5680aa69bb8d860bf82d4e9cd3504b55dde018de765a91bb566283c545a99a7',
      '1e9654e951a5ba44c8604c4de6c67fd78a27e81dcadcfe1edf638ba3aaebaed6',
    ],
    [
      'Hello World',
      'f0eb03b1a75ac6d9847f55c624a99169b5dccba2a31f5b23bea77ba270de0a7a',
      'b79d196740ad5217771c1098fc4a4b51e0535c32236c71f1ea4d61a2d603352b',
      '88737ae86f2077145f93cc4b153ae9a1cb8d56afa511988c149c5c8c9d93bddf',
    ],
    [
      'UTF-8 support: öäüéàè 测试文本 \uD83D\uDE04',
      '43936b237ea38c7794eb5d755e0d220b6db92ebfc5c8f482759d22b1286376d7',
      'c8f4f525fe8afb1bc09b44175bd2096f079c98425e8a1be676b712add1fb62f0',
      '8f488e06b89eafd019ec528109eafaf7f1d1811fd617aa1eeb9658f1c1be6586',
    ],
  ])('hashes %j as the BIP does', (message, hash, toSpend, toSign) => {
    const challenge = payments.p2wpkh({ address: P2WPKH }).output as Uint8Array;
    const made = bip322Transactions(challenge, message);
    expect(hex(bip322MessageHash(message))).toBe(hash);
    expect([made.toSpend.getId(), made.toSign.getId()]).toEqual([toSpend, toSign]);
  });

  it.each([
    ['', P2WPKH, EMPTY[0]],
    ['', P2WPKH, `smp${EMPTY[0]}`],
    ['', P2WPKH, EMPTY[1]],
    [
      'Hello World',
      P2WPKH,
      'AkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29zJLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=',
    ],
    [
      'Hello World',
      P2WPKH,
      'AkgwRQIhAOzyynlqt93lOKJr+wmmxIens//zPzl9tqIOua93wO6MAiBi5n5EyAcPScOjf1lAqIUIQtr3zKNeavYabHyR8eGhowEhAsfxIAMZZEKUPYWI4BruhAQjzFT8FSFSajuFwrDL1Yhy',
    ],
    [
      'No prefix fallback',
      'bc1pss0zhytly75awhm6x2hhvd5lnzv3vssgrf9axfheq8ldyzn88ges79fler',
      'AUCJYOwOjxYAvatTAGYaVlNXBVyFuc4MwNQkOuK2tl8xhfKDONd0NjfYyNSYcRqeCp8hsAnCEPHAVEkO9h6vbQ/R',
    ],
    [
      'ESHJI7MWUL64AXHBI42L3UR4QA',
      'bc1qkntwc3c4dzxh9xh6875l03fn3vkk023jgak3u7',
      'AkcwRAIgCYHF/vn67iZX5WBimh84kqD6pTME6eNCMGhfFnnwCNECIAF3nMCk/RfLit+uv8a8FgfQIw0f0ASE21GSz7rX17PsASEDTA2vM8bOtUFgvenSDUmvkq7aWNwoTB0CMiM6carHY1s=',
    ],
    ['TPIZPITUIHEUHO5ACOL6W6MBVD', P2TR, P2TR_SIGNED],
  ])('is accepted: %j by %s', async (message, address, signature) => {
    const { verifyLogin } = bitcoinLogin('mainnet');
    expect(await verifyLogin({ message, address, signature })).toBe(true);
    // One character of the address, the message or the network makes it another.
    expect(await verifyLogin({ message: `${message} `, address, signature })).toBe(false);
    expect(await bitcoinLogin('testnet').verifyLogin({ message, address, signature })).toBe(false);
  });

  it.each([
    ['not base64', '', P2WPKH, 'not-valid-base64!!!'],
    ['empty', '', P2WPKH, ''],
    ['of another message', 'Wrong message that was not signed', P2WPKH, `smp${EMPTY[0]}`],
    ['of another address', '', MULTISIG, `smp${EMPTY[0]}`],
    [
      'of another key',
      'ESHJI7MWUL64AXHBI42L3UR4QA',
      'bc1qx3f9s3scavc92s3g2fhwzqzn7qucd37ez03jpf',
      'AkcwRAIgCYHF/vn67iZX5WBimh84kqD6pTME6eNCMGhfFnnwCNECIAF3nMCk/RfLit+uv8a8FgfQIw0f0ASE21GSz7rX17PsASEDTA2vM8bOtUFgvenSDUmvkq7aWNwoTB0CMiM6carHY1s=',
    ],
    ['without a witness', '', P2WPKH, 'smpAA=='],
    ['named as nothing known', '', P2WPKH, 'fooAA=='],
    ['named as another form', 'TPIZPITUIHEUHO5ACOL6W6MBVD', P2TR, `ful${P2TR_SIGNED}`],
    [
      'of another taproot key',
      'TPIZPITUIHEUHO5ACOL6W6MBVD',
      'bc1pr72av8sh7qc2ssxs8w0hlj0cl82g2q2dvypngzgsrmd4plml84ksmfyv0q',
      P2TR_SIGNED,
    ],
    ['of a multisig', '', MULTISIG, EMPTY[0]],
    ['by no address', '', 'nobody', EMPTY[0]],
    ['by an address of another kind', '', '164P4mbDkPcyvRnFGAZd1ThjxSj7Fbsywz', EMPTY[0]],
  ])('is refused: %s', (_what, message, address, signature) => {
    expect(verifyBip322('bc', { message, address, signature })).toBe(false);
  });

  it('is refused in every other form of the same signature', () => {
    const pair = ECPairFactory(ecc).fromPrivateKey(new Uint8Array(32).fill(9));
    const { address, output, hash } = payments.p2wpkh({
      pubkey: pair.publicKey,
      network: networks.bitcoin,
    });
    const { toSign } = bip322Transactions(output as Uint8Array, 'login');
    const code = payments.p2pkh({ hash: hash! }).output as Uint8Array;
    const signed = (hashType: number, change = (raw: Uint8Array) => raw, ...more: Uint8Array[]) => {
      const raw = change(pair.sign(toSign.hashForWitnessV0(0, code, 0n, hashType)));
      const items = [script.signature.encode(raw, hashType), pair.publicKey, ...more];
      const parts = items.flatMap((item) => [Buffer.of(item.length), item]);
      return Buffer.concat([Buffer.of(items.length), ...parts]).toString('base64');
    };
    const accepted = (signature: string) =>
      verifyBip322('bc', { address: address!, message: 'login', signature });
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const highS = (raw: Uint8Array) => {
      const s = order - BigInt(`0x${hex(raw.subarray(32))}`);
      return Buffer.concat([
        raw.subarray(0, 32),
        Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
      ]);
    };
    expect(accepted(signed(Transaction.SIGHASH_ALL))).toBe(true);
    expect(accepted(signed(Transaction.SIGHASH_NONE))).toBe(false);
    expect(accepted(signed(Transaction.SIGHASH_ALL, highS))).toBe(false);
    expect(accepted(signed(Transaction.SIGHASH_ALL, undefined, Buffer.of(1)))).toBe(false);
    expect(accepted(`${signed(Transaction.SIGHASH_ALL).slice(0, -4)}AAAA`)).toBe(false);
    expect(accepted('A'.repeat(100_000))).toBe(false);
  });
});
