import { readFileSync } from 'node:fs';
import { vectorFamilies } from '../../../src/testing/vectors/index.js';
import type { VectorResult } from '../../../src/testing/vectors/vector-case.js';

type File = Record<string, any>;

const load = (family: string): File =>
  JSON.parse(
    readFileSync(new URL(`../../../../../vectors/${family}.json`, import.meta.url), 'utf8'),
  ) as File;

async function outcome(family: string, file: File): Promise<[number, VectorResult[]]> {
  const { run } = await vectorFamilies[family]!();
  const all: VectorResult[] = [];
  for await (const result of run(file)) all.push(result);
  return [all.length, all.filter(({ ok }) => !ok)];
}

/** Every item of every list, at any depth, with a member nobody asked for. */
function commented(value: any): any {
  if (Array.isArray(value))
    return value.map((item) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? { ...commented(item), comment: 'seen at site 7' }
        : commented(item),
    );
  return value;
}

const ALONE: Readonly<Record<string, readonly string[]>> = {
  kwh_mqtt_bridge: ['cases'],
  kwh_canonical_leaf: ['cases', 'rejections'],
  kwh_merkle: ['trees', 'inner_node_accepted_as_leaf', 'cve_2012_2459_duplicate_leaf_collision'],
  rfc6962: ['leaf_inputs', 'roots', 'inclusion', 'consistency', 'broken_constructions'],
  rfc8785: ['files', 'numbers', 'energy_numbers', 'reject', 'key_sorting'],
  checkpoint: ['checkpoint', 'must_reject'],
  gridtokenx_meter_signature: ['cases'],
};

describe('a file that has only some groups of its family', () => {
  it.each(Object.entries(ALONE).flatMap(([family, groups]) => groups.map((one) => [family, one])))(
    '%s: %s is evaluated alone',
    async (family, group) => {
      const file = load(family!);
      const told = Object.entries(file).filter(([, value]) => typeof value !== 'object');
      const [count, failed] = await outcome(family!, {
        ...Object.fromEntries(told),
        [group!]: file[group!],
      });
      expect(failed).toEqual([]);
      expect(count).toBeGreaterThan(0);
    },
  );

  it('refusals of notes without a note of their own still fail when nothing is wrong with what they name', async () => {
    const [, failed] = await outcome('checkpoint', { must_reject: ['it is purple'] });
    expect(failed).toHaveLength(1);
  });
});

describe('a file that says more than it must', () => {
  it.each(['kwh_mqtt_bridge', 'kwh_canonical_leaf', 'kwh_merkle', 'checkpoint', 'rfc6962'])(
    '%s: members of cases that nobody asked for change nothing',
    async (family) => {
      const { big_trees: _, ...file } = load(family);
      const entries = Object.entries(file).map(([name, value]) => [
        name,
        // A payload is what a device sent; nothing is added to that.
        family === 'kwh_mqtt_bridge' && name === 'cases'
          ? value.map((one: object) => ({ ...one, comment: 'seen at site 7' }))
          : commented(value),
      ]);
      expect((await outcome(family, Object.fromEntries(entries) as File))[1]).toEqual([]);
    },
  );

  it('members about the file are no groups', async () => {
    const about = { source: { url: 'x' }, notes: ['a'], license: ['MIT'], meta: { by: 'x' } };
    const [, failed] = await outcome('kwh_mqtt_bridge', { ...load('kwh_mqtt_bridge'), ...about });
    expect(failed).toEqual([]);
  });

  it('proofs of a tree whose leaves the file does not tell are verified', async () => {
    const { leaf_inputs: _, big_trees: __, roots: ___, ...file } = load('rfc6962');
    // Three leaves of another tree: SHA-256(0x00 ‖ byte).
    const [a, b, c] = [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      'b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2',
      'fcf0a6c700dd13e274b6fba8deea8dd9b26e4eedde3495717cac8408c9c5177f',
    ] as const;
    const { createHash } = await import('node:crypto');
    const root = createHash('sha256').update(`01${b}${c}`, 'hex').digest('hex');
    const one = { index: 0, size: 2, leaf_hash: b, proof: [c], root, valid: true };
    const wrong = { ...one, proof: [a] };
    expect((await outcome('rfc6962', { ...file, inclusion: [one] }))[1]).toEqual([]);
    expect((await outcome('rfc6962', { ...file, inclusion: [wrong] }))[1]).toHaveLength(1);
  });
});
