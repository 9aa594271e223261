// Writes vectors/evm-evidence.json: evidence as the EVM anchor takes it from a node (anvil), and a mutant of every member with the reason
// for which it must be refused. The blocks are new ones each time. Needs a build.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { deployRegistry, EvmAnchor, EvmConfig } from '../packages/anchor-evm/dist/index.js';
import verifiers from '../packages/anchor-evm/dist/verify/index.js';
import { commitmentOf, toHex } from '../packages/core/dist/verify/index.js';
import { evmEvidence } from './vector-families/evm-evidence.mjs';

const ORIGIN = 'example.org/energy-log';
const CHAIN_ID = 31_337;
const signal = AbortSignal.timeout(60_000);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const context = { instanceId: 'evm', origin: ORIGIN, logger: silent, clock: { nowMs: () => 0 } };
const rootOf = (size) => createHash('sha256').update(`root ${size}`).digest();

const { url, accounts, stop } = await startAnvil();
const rpc = async (method, ...params) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(url, { method: 'POST', headers, body })).json();
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
};
try {
  const node = { url, timeoutMs: 10_000 };
  await deployRegistry({ chainId: CHAIN_ID, rpc: node, signer: accounts[0], pollMs: 5 });
  await rpc('evm_setAutomine', false);
  const cases = [];
  for (const [i, options] of [{}, { evidence: 'state' }, { mode: 'calldata' }].entries())
    cases.push(await caseOf(options, accounts.slice(1 + 4 * i, 5 + 4 * i)));
  const file = {
    source: 'scripts/generate-evm-vectors.mjs, from @foundry-rs/anvil 1.7.1',
    rule: 'a case, and the case with the member at each path changed (no value: taken away), is judged as expected; headers are the given ones, null for none',
    cases,
  };
  for await (const { name, ok, detail } of evmEvidence(verifiers, commitmentOf)(file))
    if (!ok) throw new Error(`${name}: ${detail}`);
  const path = new URL('../vectors/evm-evidence.json', import.meta.url);
  writeFileSync(path, `${JSON.stringify(file, null, 1)}\n`);
} finally {
  await stop();
}

/** One of four anchors in one block, so that the tries have branches. */
async function caseOf(options, keys) {
  let found;
  for (const [i, key] of keys.entries()) {
    const config = { chainId: CHAIN_ID, rpc: { url }, key, priorityFeeGwei: 1, ...options };
    const anchor = new EvmAnchor(EvmConfig.parse(config), context);
    const commitment = commitmentOf(ORIGIN, BigInt(i + 7), rootOf(i + 7));
    const intent = { id: toHex(commitment.digest), anchor: 'evm', commitment, createdAtMs: 0 };
    const draft = await anchor.prepare(intent, [], { bump: 0, signal });
    const signed = await anchor.sign(intent, draft, signal);
    await anchor.broadcast(signed, signal);
    if (i === 1) found = { anchor, intent, signed, size: i + 7 };
  }
  await rpc('evm_mine');
  const { anchor, intent, signed, size } = found;
  const attempt = { ...signed, intentId: intent.id, number: 0, state: 'broadcast', createdAtMs: 0 };
  const evidence = await anchor.evidence(intent, attempt, signal);
  const block = await rpc('eth_getBlockByHash', `0x${evidence.body.block_hash}`, false);
  const notAfterMs = Number(block.timestamp) * 1000;
  const sound = {
    name: evidence.type,
    commitment: { origin: ORIGIN, size: String(size), root: toHex(rootOf(size)) },
    evidence: JSON.parse(JSON.stringify(evidence)),
    headers: { [`${evidence.ledger} ${evidence.body.height}`]: evidence.body.header },
    expect: { ok: true, trust: 'light-client', not_after_ms: notAfterMs },
  };
  return { ...sound, mutants: mutantsOf(sound) };
}

function mutantsOf({ commitment, evidence, headers, expect }) {
  const { type, body } = evidence;
  const [missing] = {
    'evm-receipt/1': ['commitment_not_in_receipt'],
    'evm-state/1': ['commitment_not_in_state'],
    'evm-calldata/1': ['commitment_not_in_transaction'],
  }[type];
  const state = type === 'evm-state/1';
  const mutants = [];
  const refused = (name, path, value, code) =>
    mutants.push({ name, path, value, expect: { ok: false, code } });
  const said = (name, path, value) =>
    mutants.push({ name, path, value, expect: { ...expect, trust: 'operator' } });
  const at = (...path) => ['evidence', 'body', ...path];

  for (const [member, value] of Object.entries(body)) {
    refused(`without ${member}`, at(member), undefined, 'evidence_malformed');
    if (Array.isArray(value)) {
      for (const [i, node] of value.entries())
        refused(`another ${member} ${i}`, at(member, i), flip(node), 'proof_refused');
      refused(`one node more in ${member}`, at(member), [...value, '80'], 'proof_refused');
      refused(
        `one node less in ${member}`,
        at(member),
        value.slice(0, -1),
        value.length > 1 ? 'proof_refused' : 'evidence_malformed',
      );
      refused(`no node in ${member}`, at(member), [], 'evidence_malformed');
      refused(
        `upper case in ${member}`,
        at(member, 0),
        value[0].toUpperCase(),
        'evidence_malformed',
      );
    }
  }
  for (const member of state ? ['registry', 'sender'] : [])
    refused(`another ${member}`, at(member), flip(body[member]), 'proof_refused');
  refused('another header', at('header'), flip(body.header), 'header_mismatch');
  refused('a header with a byte more', at('header'), `${body.header}00`, 'evidence_malformed');
  refused('another block hash', at('block_hash'), flip(body.block_hash), 'header_mismatch');
  refused('another height', at('height'), body.height + 1, 'height_mismatch');
  refused('a height in words', at('height'), String(body.height), 'height_mismatch');
  if (!state) {
    refused(
      'another index',
      at('index'),
      body.index + 1,
      type === 'evm-receipt/1' ? 'proof_refused' : 'proof_refused',
    );
    refused('a negative index', at('index'), -1, 'evidence_malformed');
  }
  refused('a member more', at('extra'), 1, 'evidence_malformed');
  refused('another size', ['commitment', 'size'], String(Number(commitment.size) + 1), missing);
  refused('another root', ['commitment', 'root'], flip(commitment.root), missing);
  refused(
    'another origin',
    ['commitment', 'origin'],
    'example.org/other',
    state ? 'proof_refused' : missing,
  );
  refused('a ledger of another kind', ['evidence', 'ledger'], 'bitcoin:mainnet', 'ledger_unknown');
  refused('a trust that no header gives', ['evidence', 'trust'], 'spv-pow', 'evidence_malformed');
  const [place] = Object.keys(headers);
  refused(
    'another block in the given headers',
    ['headers', place],
    flip(headers[place]),
    'header_not_on_chain',
  );
  if (type === 'evm-calldata/1')
    refused('another chain', ['evidence', 'ledger'], 'eip155:1', 'other_chain');
  else said('another chain, of which no headers are given', ['evidence', 'ledger'], 'eip155:1');
  said('given headers that do not reach it', ['headers', place], undefined);
  said('no headers', ['headers'], null);
  said('a rollup whose batch is not final yet', ['evidence', 'trust'], 'operator');
  return mutants;
}

/** Another hex digit in the middle. */
function flip(text) {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
}

async function startAnvil() {
  const evm = createRequire(new URL('../packages/anchor-evm/package.json', import.meta.url));
  const wrapper = createRequire(evm.resolve('@foundry-rs/anvil/package.json'));
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const binary = wrapper.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`);
  const child = spawn(binary, ['--port', '0', '--accounts', '13', '--timestamp', '1790000000']);
  const keys = [];
  const said = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`anvil ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const key = /^\(\d+\) (0x[0-9a-f]{64})$/.exec(line)?.[1];
      if (key) keys.push(key);
      const where = /Listening on (\S+)/.exec(line)?.[1];
      if (where) resolve(where);
    });
  });
  const stop = async () => {
    const ended = new Promise((resolve) => {
      child.removeAllListeners('exit').once('exit', resolve);
    });
    child.kill('SIGTERM');
    await ended;
  };
  return { url: `http://${said}`, accounts: keys, stop };
}
