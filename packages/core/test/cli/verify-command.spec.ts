import { readFileSync } from 'node:fs';
import { runVerify } from '../../src/cli/verify-command.js';
import { utf8 } from '../../src/verify/bytes.js';
import { canonicalJson } from '../../src/verify/rfc8785.js';

const vectors = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../../../../vectors/${name}.json`, import.meta.url), 'utf8'));
const bundles = vectors('bundle');
const receipts = vectors('receipt');
const merkle = vectors('kwh_merkle');

async function run(args: readonly string[], files: Record<string, string | object> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runVerify(args, {
    read: async (source) => {
      const file = files[source];
      if (file === undefined) throw new Error('no such file');
      return utf8(typeof file === 'string' ? file : JSON.stringify(file));
    },
    verifiers: async () => [],
    ecdsa: async () => undefined,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out, err };
}

describe('wattproof verify', () => {
  const bundle = { 'proof.json': `${bundles.valid[0].text}\n` };

  it('says first that a proof only asserts itself, and exits 0', async () => {
    const { code, out } = await run(['proof.json'], bundle);
    expect(code).toBe(0);
    expect(out[0]).toMatch(/^self-asserted: signed by \S+, which you have not pinned$/);
    expect(out.join('\n')).toContain('[evidence_not_checked]');
  });

  it('names the package that checks a ledger when it is not installed', async () => {
    const proof = JSON.parse(bundles.valid[0].text);
    proof.evidence[0].type = 'bitcoin-op-return/1';
    const { code, out } = await run(['proof.json'], { 'proof.json': canonicalJson(proof) });
    expect(code).toBe(0);
    expect(out.join('\n')).toMatch(
      /not checked: evidence 0 \(bitcoin-op-return\/1, \S+\): no verifier; install @wattproof\/anchor-bitcoin \[/,
    );
  });

  it('does not say so under a pinned key', async () => {
    const { code, out } = await run(['proof.json', '--key', bundles.keys[0]], bundle);
    expect(code).toBe(0);
    expect(out[0]).toBe('valid: reached operator, required operator');
  });

  it('exits 1 when the required level is not reached', async () => {
    const { code, out } = await run(['proof.json', '--require=witness'], bundle);
    expect(code).toBe(1);
    expect(out.join('\n')).toContain('[level_not_reached]');
  });

  it('exits 1 for every kind of mutant', async () => {
    const mutant = bundles.mutants.find((one: { member: string }) => one.member === 'log.root');
    const { code } = await run(['proof.json'], { 'proof.json': mutant.bundle });
    expect(code).toBe(1);
  });

  it('prints the report as JSON', async () => {
    const { out } = await run(['proof.json', '--json'], bundle);
    expect(JSON.parse(out.join(''))).toMatchObject({ ok: true, level: 'operator' });
  });

  it('says which of its inputs it cannot use', async () => {
    const files = { ...bundle, headers: 'nonsense', proof: { leaf_hash: '', proof: [] } };
    for (const [args, source] of [
      [['none'], 'none'],
      [['headers'], 'headers'],
      [['proof.json', '--headers', 'headers'], 'headers'],
      [['proof.json', '--headers', 'none'], 'none'],
      [['proof', '--log', 'none'], 'none'],
    ] as const) {
      const { code, err } = await run(args, files);
      expect([code, err[0]?.split(':')[0]]).toEqual([2, source]);
    }
  });

  it('prints JSON also for what it cannot use', async () => {
    for (const args of [['x.json', '--json'], ['--json'], ['x.json', '--key', 'bad', '--json']]) {
      const { code, out } = await run(args, { 'x.json': '{' });
      expect(code).toBe(2);
      expect(JSON.parse(out.join(''))).toMatchObject({
        ok: false,
        failures: [{ code: 'unusable' }],
      });
    }
  });

  it('lets no text of a proof look like its own', async () => {
    const proof = JSON.parse(bundles.valid[0].text);
    proof.evidence[0].type = '\u001b[2J\nvalid: reached spv-pow\u202e\u2028';
    const files = { 'proof.json': canonicalJson(proof) };
    const { code, out } = await run(['proof.json'], files);
    expect(code).toBe(0);
    expect(out.join('')).toContain('\\u001b[2J\\u000avalid: reached spv-pow\\u202e\\u2028');
    expect(out.filter((line) => /[\p{Cc}\p{Cf}\u2028]/u.test(line))).toEqual([]);
    const json = (await run(['proof.json', '--json'], files)).out.join('');
    expect(JSON.stringify(JSON.parse(json).notChecked)).toContain('\u202e\u2028');
  });

  it('checks receipts', async () => {
    const key = ['--key', receipts.keys[0]];
    expect((await run(['r.json', ...key], { 'r.json': receipts.text })).code).toBe(0);
    expect((await run(['r.json'], { 'r.json': receipts.text })).out[0]).toMatch(/^self-asserted/);
    // The key of some log is pinned, and it is not the one that signed.
    for (const pinned of bundles.keys)
      expect((await run(['r.json', '--key', pinned], { 'r.json': receipts.text })).code).toBe(1);
    for (const { member, receipt } of receipts.mutants)
      expect([member, (await run(['r.json', ...key], { 'r.json': receipt })).code]).toEqual([
        member,
        member === 'v' ? 2 : 1,
      ]);
  });

  it('exits 2 for what it cannot use', async () => {
    const proof = { leaf_hash: 'aa', proof: [] };
    for (const [args, files] of [
      [[], {}],
      [['nowhere.json'], {}],
      [['x.json'], { 'x.json': '{' }],
      [['x.json'], { 'x.json': {} }],
      [['proof.json', '--key', 'nonsense'], bundle],
      [['proof.json', '--require', 'gossip'], bundle],
      [['proof.json', '--require', 'witness', '--require', 'operator'], bundle],
      [['proof.json', '--log', 'proof.json'], bundle],
      [['proof.json', '--json=no'], bundle],
      [['x.json'], { 'x.json': proof }],
    ] as [string[], Record<string, string | object>][])
      expect((await run(args, files)).code).toBe(2);
    const { err } = await run(['x.json'], { 'x.json': proof });
    expect(err.join('\n')).toContain('nothing ties leaf_hash to a log');
  });

  it('accepts a kwh-btc-iot proof only with the log it speaks of', async () => {
    const tree = merkle.trees.find((one: { n: number }) => one.n === 7);
    const proof = {
      log_id: 'log_1',
      batch_id: 'batch_1',
      leaf_hash: tree.leaves[5],
      merkle_root: tree.root,
      index: 5,
      tree_size: 7,
      profile: 'kwh-btc-iot',
      salt: null,
      proof: tree.proofs[5].proof,
    };
    const args = ['p.json', '--log', 'log'];
    const log = tree.leaf_preimages_ascii[5];
    const { code, out } = await run(args, { 'p.json': proof, log });
    expect(code).toBe(0);
    expect(out[0]).toBe('self-asserted: the root is signed by nobody');
    expect(out.join('\n')).toContain('not checked: the root itself is not signed');
    expect((await run([...args, '--key', bundles.keys[0]], { 'p.json': proof, log })).code).toBe(1);
    expect((await run([...args, '--require', 'witness'], { 'p.json': proof, log })).code).toBe(1);
    expect((await run(args, { 'p.json': proof, log: `${log} ` })).code).toBe(1);
    expect((await run(args, { 'p.json': { ...proof, index: 4 }, log })).code).toBe(1);
    expect((await run(args, { 'p.json': { ...proof, tree_size: 9 }, log })).code).toBe(1);
  });
});
