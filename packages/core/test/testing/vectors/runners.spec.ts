import { readFileSync } from 'node:fs';
import { vectorFamilies } from '../../../src/testing/vectors/index.js';
import type { VectorResult } from '../../../src/testing/vectors/vector-case.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function load(family: string): { [key: string]: Json } {
  const url = new URL(`../../../../../vectors/${family}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as { [key: string]: Json };
}

async function failures(family: string, file: unknown): Promise<VectorResult[]> {
  const { run } = await vectorFamilies[family]!();
  const failed = [];
  for await (const result of run(file)) if (!result.ok) failed.push(result);
  return failed;
}

/** The same file with every value of one member changed, and how many there were. */
function changed(value: Json, member: string): { value: Json; count: number } {
  let count = 0;
  const walk = (at: Json): Json => {
    if (Array.isArray(at)) return at.map(walk);
    if (typeof at !== 'object' || at === null) return at;
    return Object.fromEntries(
      Object.entries(at).map(([name, one]) => [name, name === member ? other(one) : walk(one)]),
    );
  };
  const other = (one: Json): Json => {
    if (Array.isArray(one) && one.length > 0) return [other(one[0]!), ...one.slice(1)];
    if (typeof one === 'object' && one !== null) return walk(one);
    count += 1;
    if (typeof one === 'boolean') return !one;
    if (typeof one === 'number') return one + 1;
    return typeof one === 'string' && one !== ''
      ? (one.startsWith('1') ? '2' : '1') + one.slice(1)
      : 'x';
  };
  return { value: walk(value), count };
}

describe('a vector runner passes nothing that it did not evaluate', () => {
  it.each([
    ['kwh_canonical_leaf', ['canonical_utf8', 'leaf_hash', 'accepted', 'error']],
    ['kwh_merkle', ['root', 'leaf_preimages_ascii', 'n']],
    ['kwh_mqtt_bridge', ['site_id', 'amount_sats', 'unit']],
    ['rfc6962', ['root', 'valid', 'root1', 'root2', 'leaf_inputs', 'root4', 'forged_root2']],
    ['rfc8785', ['sha256', 'canonical_utf8_hex', 'es6', 'canonical', 'sorted_by_utf16']],
    [
      'checkpoint',
      ['vkey', 'log_key_id_hex', 'note', 'cosigned_at', 'log_seed_hex', 'leaf_data_hex'],
    ],
    ['commitment', ['digest']],
    ['batch-log', ['metadata', 'leaf', 'log_root', 'path']],
    ['device-signing', ['valid', 'ok', 'nonces', 'key_id', 'seed', 'code', 'alg']],
    ['receipt', ['text', 'leaves']],
  ])('%s fails for every expectation that is changed', async (family, members) => {
    const file = load(family);
    // The long runs add nothing here.
    delete file['es6_number_file_checksums'];
    delete file['big_trees'];
    if (Array.isArray(file['signatures'])) file['signatures'] = file['signatures'].slice(0, 4);
    for (const member of members) {
      const { value, count } = changed(file, member);
      const failed = await failures(family, value);
      expect({ member, some: count > 0, failed: failed.length > 0 }).toEqual({
        member,
        some: true,
        failed: true,
      });
    }
  });

  it.each(
    Object.keys(vectorFamilies).filter((family) => !/^(bundle|kwh_api_shapes)$/.test(family)),
  )('%s fails for a group it does not know', async (family) => {
    const file = {
      ...load(family),
      es6_number_file_checksums: {},
      big_trees: {},
      no_such_group: [{ op: 'x' }],
    };
    const failed = await failures(family, file);
    expect(failed.map(({ name }) => name)).toContain('no_such_group');
  });

  it.each([
    [
      'kwh_canonical_leaf',
      { cases: [{}], rejections: [{ name: 'of nothing known', accepted: false }] },
      2,
    ],
    ['kwh_mqtt_bridge', { cases: [{}, null, { name: 'a', topic: 'x' }] }, 3],
    ['kwh_merkle', { trees: [{ n: 1 }, { n: 2, leaves: [5] }] }, 2],
    ['rfc6962', { roots: [{}, { size: 9, root: '' }], inclusion: [{ valid: false }] }, 3],
    ['rfc8785', { reject: [{ why: 'no text' }], numbers: [{ es6: null }], files: 'none' }, 3],
    ['commitment', { refused: [{ origin: 'a', size: '1' }] }, 1],
    ['batch-log', { refused_metadata: [null] }, 1],
    ['checkpoint', { checkpoint: null, must_reject: ['something nobody has heard of'] }, 2],
  ])('%s fails for cases without what they need', async (family, file, least) => {
    expect((await failures(family, file)).length).toBeGreaterThanOrEqual(least);
  });

  it('a document that is refused fails as an accepted one, with canonical bytes to compare or without', async () => {
    const input_json = '{"energy_kwh":-1}';
    for (const canonical of [undefined, '{}']) {
      const rejections = [{ name: 'negative energy', accepted: true, input_json, canonical }];
      expect(await failures('kwh_canonical_leaf', { rejections })).toHaveLength(1);
    }
  });

  it('a proof in a tree of another size fails, though it leads to the root', async () => {
    const file = load('rfc6962') as {
      inclusion: { size: number; valid: boolean; index: number }[];
    };
    // The path of leaf 0 of 5 is as long as that of leaf 0 of 6.
    const one = file.inclusion.find(({ index, size, valid }) => valid && index < 4 && size === 5)!;
    const changed = { ...file, big_trees: undefined, inclusion: [{ ...one, size: 6 }] };
    expect(await failures('rfc6962', changed)).toHaveLength(1);
  });

  it('a refusal for another reason than the one named fails', async () => {
    const file = load('kwh_canonical_leaf');
    const error = [[['meter_id'], 'missing']];
    const name = 'negative energy';
    const input_json = '{"energy_kwh":-1}';
    const failed = await failures('kwh_canonical_leaf', {
      ...file,
      rejections: [{ name, accepted: false, input_json, error }],
    });
    expect(failed).toMatchObject([{ detail: expect.stringContaining('another reason') }]);
  });
});

describe('refusals that are told in words', () => {
  it.each([
    ['int site_id', ['site_id'], 'string_type'],
    ['negative price', ['tx', 'price_sats_per_kwh'], 'greater_than_equal'],
    ['tags int element', ['tags', 0], 'string_type'],
    ['missing energy', ['energy_kwh'], 'missing'],
    ['interval string "abc"', ['interval_s'], 'int_parsing'],
  ])('%s is built and refused for %j', async (name, path, code) => {
    const rejections = [{ name, accepted: false, error: [[path, code]] }];
    expect(await failures('kwh_canonical_leaf', { rejections })).toEqual([]);
    const other = [{ name, accepted: false, error: [[path, 'another_code']] }];
    expect(await failures('kwh_canonical_leaf', { rejections: other })).toHaveLength(1);
  });
});
