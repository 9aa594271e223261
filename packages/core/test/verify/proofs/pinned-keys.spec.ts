import { keyFromSeed, namedSigner } from '../../../src/batching/log-key.js';
import type { Signer } from '../../../src/spi/index.js';
import { localLedgerVerifier } from '../../../src/anchoring/local-ledger/index.js';
import {
  batchLogLeaf,
  batchMetadataBytes,
  NO_PREVIOUS_LEAF,
} from '../../../src/verify/batch-log.js';
import { bundleText, type Bundle } from '../../../src/verify/bundle.js';
import { utf8 } from '../../../src/verify/bytes.js';
import { checkBundle } from '../../../src/verify/check-bundle.js';
import { checkpointText } from '../../../src/verify/checkpoint.js';
import { logKeyText } from '../../../src/verify/log-key.js';
import { formatNote, parseVkey } from '../../../src/verify/note.js';
import { receiptLeaf, receiptsMessage, type ReceiptClaim } from '../../../src/verify/receipt.js';
import { canonicalJsonBytes } from '../../../src/verify/rfc8785.js';
import { leafHash, logHash } from '../../../src/verify/tree-hashing.js';

const ORIGIN = 'pins.test/log';
const signer = (seed: number, name = ORIGIN): Signer =>
  namedSigner(name, keyFromSeed(new Uint8Array(32).fill(seed)));
const [oldest, older, current, stranger] = [1, 2, 3, 4].map((seed) => signer(seed));
const receipts = signer(5, `${ORIGIN}/receipts`);

async function note(text: string, by: Signer): Promise<string> {
  const { name, id } = parseVkey(by.vkey);
  return formatNote({ text, signatures: [{ name, id, value: await by.sign(utf8(text)) }] });
}

const announce = (key: Signer, by: Signer, role = 'checkpoint') =>
  note(
    logKeyText(
      canonicalJsonBytes({
        v: 'log-key/1',
        origin: ORIGIN,
        role,
        vkey: key.vkey,
        announced_at: '2026-01-01T00:00:00.000Z',
      }),
    ),
    by,
  );

const bytes = utf8('one entry');
const claim: ReceiptClaim = {
  origin: ORIGIN,
  entryId: 'log_1',
  logHash: logHash(bytes),
  verdict: 'accepted',
  rules: 'none',
  committedAtMs: 0,
  includeByMs: 1000,
  durability: 'fsync',
};

/** A log of one batch of one entry, sealed in good time unless told otherwise. */
async function bundle(change: Partial<Bundle> = {}, by = current!, sealedAtMs = 500) {
  const salt = new Uint8Array(16);
  const root = leafHash('rfc9162', logHash(bytes), salt);
  const batch = batchMetadataBytes({
    count: 1,
    first: 0,
    number: 0,
    origin: ORIGIN,
    prev: NO_PREVIOUS_LEAF,
    profile: 'rfc9162',
    sealedAtMs,
  });
  const log = { size: 1, root: batchLogLeaf(batch, root), path: [] };
  return bundleText({
    entry: { format: 'note/1', bytes, salt },
    inclusion: { profile: 'rfc9162', index: 0, size: 1, path: [], root },
    batch,
    log,
    checkpoint: await note(checkpointText({ origin: ORIGIN, size: 1, root: log.root }), by),
    logKey: by.vkey,
    logKeys: [],
    evidence: [],
    ...change,
  });
}

const receiptBy = async (key: Signer) => ({
  ...claim,
  index: 0,
  size: 1,
  path: [],
  key: parseVkey(key.vkey),
  signature: await key.sign(receiptsMessage(ORIGIN, receiptLeaf(claim))),
});

const codes = async (source: string, ...keys: readonly Signer[]) => {
  const report = await checkBundle(source, {
    keys: keys.map(({ vkey }) => vkey),
    verifiers: [localLedgerVerifier],
  });
  return report.ok ? 'ok' : report.failures.map(({ code }) => code).join();
};

describe('a pinned key', () => {
  it('is the one that signed, or leads to it through every announcement in order', async () => {
    const chain = [await announce(older!, oldest!), await announce(current!, older!)];
    const whole = await bundle({ logKeys: chain });
    for (const pinned of [oldest, older, current]) expect(await codes(whole, pinned!)).toBe('ok');
    expect(await codes(await bundle({ logKeys: chain.toReversed() }), oldest!)).toBe(
      'log_key_unknown',
    );
    expect(await codes(await bundle({ logKeys: chain.slice(1) }), oldest!)).toBe('log_key_unknown');
    expect(await codes(whole, stranger!)).toBe('log_key_unknown');
  });

  it('does not lead to a newcomer that announces itself, or that another purpose announces', async () => {
    const byItself = await bundle({ logKeys: [await announce(current!, current!)] });
    expect(await codes(byItself, oldest!)).toBe('log_key_unknown');
    const byReceipts = await bundle({ logKeys: [await announce(current!, receipts)] });
    expect(await codes(byReceipts, oldest!, receipts)).toBe('log_key_unknown');
    const forged = (await announce(current!, oldest!)).replace('2026', '2027');
    expect(await codes(await bundle({ logKeys: [forged] }), oldest!)).toBe('checkpoint');
  });

  it('of another log, or for receipts only, makes no proof of this log valid', async () => {
    const proof = await bundle();
    expect(await codes(proof)).toBe('ok');
    expect(await codes(proof, signer(9, 'other.test/log'))).toBe('log_key_unknown');
    expect(await codes(proof, receipts)).toBe('log_key_unknown');
    expect(await codes(proof, receipts, current!)).toBe('ok');
  });
});

describe('a receipt in a bundle', () => {
  it('is evidence against the operator only under a key the log vouches for', async () => {
    const report = async (logKeys: readonly string[]) =>
      checkBundle(await bundle({ receipt: await receiptBy(receipts), logKeys }, current, 2000));
    const vouched = await report([await announce(receipts, current!, 'receipts')]);
    expect(vouched.proven.map(({ code }) => code)).toContain('receipt_broken');
    const forged = await report([]);
    expect(forged.notChecked.map(({ code }) => code)).toContain('receipt_key');
    expect(forged.proven.map(({ code }) => code)).not.toContain('receipt_broken');
  });
});

describe('a report', () => {
  it('names what is missing from a bundle', async () => {
    const { notChecked } = await checkBundle(await bundle());
    expect(notChecked.map(({ code }) => code)).toEqual([
      'format_unknown',
      'no_device_signature',
      'no_receipt',
      'no_evidence',
    ]);
  });
});
