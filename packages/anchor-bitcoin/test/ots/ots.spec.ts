import { createHash } from 'node:crypto';
import { attestationsOf, readOts, readTimestamp, writeOts } from '@wattproof/anchor-bitcoin/verify';
import type { ProofToExport } from '@wattproof/core/spi';
import { otsExport } from '../../src/ots-export.js';
import { independentOts } from './independent-ots.js';

const sha256 = (bytes: Uint8Array) => Uint8Array.from(createHash('sha256').update(bytes).digest());
const digest = sha256(new TextEncoder().encode('a file'));
const head = Buffer.concat([
  Buffer.from('004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294', 'hex'),
  Buffer.of(1, 8),
  digest,
]);
const file = (...parts: (string | Uint8Array)[]) =>
  Uint8Array.from(
    Buffer.concat([
      head,
      ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)),
    ]),
  );
const BITCOIN = '000588960d73d7190103e6ef15';
const pending = (uri: string) => {
  const bytes = Buffer.from(uri);
  const varbytes = (inner: Uint8Array) => Buffer.concat([Buffer.of(inner.length), inner]);
  return Buffer.concat([Buffer.from('0083dfe30d2ef90c8e', 'hex'), varbytes(varbytes(bytes))]);
};
const nested = (depth: number) => file('08'.repeat(depth), BITCOIN);

describe('an OpenTimestamps proof', () => {
  it('is read as far as the reference client reads it', () => {
    for (const good of [
      file(BITCOIN),
      file('ff', BITCOIN, pending('https://a.example/x')),
      nested(255),
      file('f0', Buffer.of(0x80, 0x1f), Buffer.alloc(3968), '08', BITCOIN),
      file('00', '0102030405060708', '00'),
    ]) {
      const read = readOts(good);
      expect(Buffer.from(writeOts(read)).toString('hex')).toBe(Buffer.from(good).toString('hex'));
      expect([...attestationsOf(read.timestamp)].length).toBeGreaterThan(0);
    }
  });

  it.each([
    ['operations nested deeper than 255', nested(256)],
    ['nothing but a head', file()],
    ['an operation nobody knows', file('09', BITCOIN)],
    ['an empty append', file('f000', BITCOIN)],
    ['a message beyond 4096 bytes', file('f0', Buffer.of(0x81, 0x20), Buffer.alloc(4097), BITCOIN)],
    [
      'a message that grows beyond 4096 bytes',
      file('f0', Buffer.of(0x80, 0x20), Buffer.alloc(4096), BITCOIN),
    ],
    [
      'a payload beyond 8192 bytes',
      file('000102030405060708', Buffer.of(0x81, 0x40), Buffer.alloc(8193)),
    ],
    ['bytes behind a height', file('000588960d73d7190104e6ef1500')],
    ['a height cut short', file('000588960d73d7190102e6ef')],
    ['a number without end', file('f0', Buffer.alloc(12, 0xff), BITCOIN)],
    ['a calendar named with a space', file(pending('https://a example'))],
    ['a calendar named beyond ASCII', file(pending('https://ä.example'))],
    ['a byte too many', file(BITCOIN, '00')],
    ['a branch that is announced and missing', file('ff', BITCOIN)],
    [
      'a file hashed with an append',
      Uint8Array.from(file(BITCOIN), (byte, i) => (i === 32 ? 0xf0 : byte)),
    ],
  ])('with %s is none', (_what, bytes) => {
    expect(() => readOts(bytes)).toThrow(expect.objectContaining({ code: 'bad_ots' }));
  });

  it('is evaluated by every operation of the format', () => {
    const hash = (name: string, bytes: Uint8Array) => createHash(name).update(bytes).digest('hex');
    const reached = (ops: string, message: Uint8Array) =>
      Buffer.from(
        [...attestationsOf(readTimestamp(Buffer.from(ops + BITCOIN, 'hex'), message))][0]!.message,
      ).toString('hex');
    const message = Uint8Array.of(1, 2, 3);
    expect(reached('02', message)).toBe(hash('sha1', message));
    expect(reached('03', message)).toBe(hash('ripemd160', message));
    expect(reached('08', message)).toBe(hash('sha256', message));
    // Keccak-256 as Ethereum has it, not SHA3-256.
    expect(reached('67', new Uint8Array(0))).toBe(
      'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
    );
    expect(reached('f00104', message)).toBe('01020304');
    expect(reached('f10104', message)).toBe('04010203');
    expect(reached('f2', message)).toBe('030201');
    expect(reached('f3', message)).toBe('303130323033');
  });
});

describe('an entry written as .ots', () => {
  /** The longest path a log and a block can demand: 20 levels, 40 levels, 20 levels. */
  const worst = (levels: number): ProofToExport => {
    let message = digest;
    const steps = Array.from({ length: levels }, (_unused, i) => {
      const step = { prefix: Uint8Array.of(1), suffix: sha256(Uint8Array.of(i)) };
      message = sha256(Buffer.concat([step.prefix, message, step.suffix]));
      return step;
    });
    const tx = Buffer.concat([Buffer.from('02000000'), message, Buffer.alloc(4)]);
    let root = sha256(sha256(tx));
    const branch = Array.from({ length: 20 }, (_unused, i) => {
      const sibling = sha256(Uint8Array.of(100 + i));
      root = sha256(sha256(Buffer.concat(i % 2 === 0 ? [root, sibling] : [sibling, root])));
      return Buffer.from(sibling).toString('hex');
    });
    const header = Buffer.concat([Buffer.alloc(36), root, Buffer.alloc(12)]).toString('hex');
    return {
      format: 'ots',
      digest,
      steps,
      commitment: { origin: 'test', size: 1n, root: new Uint8Array(32), digest: message },
      evidence: {
        type: 'bitcoin-op-return/1',
        anchor: 'bitcoin',
        ledger: 'bitcoin:regtest',
        trust: 'spv-pow',
        body: {
          tx: tx.toString('hex'),
          index: 0b1010_1010_1010_1010_1010,
          branch,
          header,
          height: 9,
        },
      },
    };
  };

  it('stays within the depth that is read, or is not written', async () => {
    const written = await otsExport(worst(60));
    const { attested } = independentOts(written!.bytes);
    expect(attested).toMatchObject([{ operations: 60 * 3 + 4 + 20 * 3 }]);
    expect(attested[0]!.message.toString('hex')).toBe(
      (worst(60).evidence.body['header'] as string).slice(72, 136),
    );
    expect(await otsExport(worst(64))).toBeUndefined();
  });

  it('is written only of evidence it understands, and never against what that evidence says', async () => {
    const proof = worst(3);
    const taproot = { ...proof.evidence, type: 'bitcoin-taproot/1' };
    expect(await otsExport({ ...proof, evidence: taproot })).toBeUndefined();
    const wrong = { ...proof.evidence, body: { ...proof.evidence.body, index: 1 } };
    await expect(otsExport({ ...proof, evidence: wrong })).rejects.toMatchObject({
      reason: 'invalid',
    });
    await expect(otsExport({ ...proof, steps: proof.steps.slice(1) })).rejects.toMatchObject({
      reason: 'invalid',
    });
  });
});
