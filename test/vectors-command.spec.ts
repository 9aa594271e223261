import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../scripts/vectors.mjs', import.meta.url));
const published = (family: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${family}.json`, import.meta.url), 'utf8')) as Record<
    string,
    any
  >;
const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command in a folder that is not the project's, as somebody with files of their own does. */
function run(files: Readonly<Record<string, object>>) {
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), JSON.stringify(content));
  const done = spawnSync(process.execPath, [script, ...Object.keys(files)], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: done.status, last: done.stdout.trim().split('\n').at(-1), err: done.stderr };
}

describe('the command that runs vector files', () => {
  it('passes files of other names in another folder, with some of the cases', () => {
    const bridge = published('kwh_mqtt_bridge');
    const locks = published('lostecnicos');
    expect(
      run({
        'kwh_mqtt_bridge_kept_back.json': { cases: bridge['cases'].slice(3, 5) },
        'lostecnicos.json': { mqtt_lock_payload: locks['mqtt_lock_payload'].slice(0, 1) },
      }),
    ).toMatchObject({ code: 0, last: '3 passed, 0 failed' });
  });

  it('ends with 1 when one expectation is wrong', () => {
    const bridge = published('kwh_mqtt_bridge');
    bridge['cases'][0].canonical.tx.amount_sats += 1;
    const locks = published('lostecnicos');
    locks['mqtt_lock_payload'][0].payload += ' ';
    expect(run({ 'kwh_mqtt_bridge.json': bridge, 'lostecnicos.json': locks })).toMatchObject({
      code: 1,
      last: '15 passed, 2 failed',
    });
  });

  it('ends with 2 for a family it does not know and for a file without cases', () => {
    expect(run({ 'tides.json': {} })).toMatchObject({ code: 2 });
    expect(run({ 'kwh_mqtt_bridge.json': { cases: [] } })).toMatchObject({ code: 2 });
  });
});
