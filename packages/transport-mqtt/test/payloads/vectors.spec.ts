import { readFileSync } from 'node:fs';
import { lostecnicos } from '../../../../scripts/vector-families/lostecnicos.mjs';
import { mqttMessages } from '../../../../scripts/vector-families/mqtt-messages.mjs';
import { commandPayload } from '../../src/payloads/command-payload.js';
import { readPayload } from '../../src/payloads/read-payload.js';
import { PRESETS } from '../../src/topics/presets.js';
import { TopicMaps } from '../../src/topics/topic-maps.js';

const load = (name: string) =>
  JSON.parse(
    readFileSync(new URL(`../../../../vectors/${name}.json`, import.meta.url), 'utf8'),
  ) as Record<string, any>;
const product = { TopicMaps, PRESETS, readPayload, commandPayload };

describe.each(['lostecnicos-messages', 'energypulse-messages'])('%s', (name) => {
  const run = mqttMessages(product);

  it('are understood as published', () => {
    const results = [...run(load(name))];
    expect(results.length).toBeGreaterThan(15);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('fail, each of them, when what is expected says something else', () => {
    const file = load(name);
    const flipped = file.cases.map((one: any) =>
      one.error === undefined
        ? { ...one, acts: one.acts.map((act: any) => ({ ...act, kind: `${act.kind}?` })) }
        : { ...one, error: `${one.error}?` },
    );
    expect([...run({ ...file, cases: flipped })].filter(({ ok }) => ok)).toEqual([]);
    expect([...run({ ...file, more: [] })].filter(({ ok }) => !ok)).toHaveLength(1);
  });

  it('fail when a single value of an act is another', () => {
    const file = load(name);
    const change = (value: any): any => {
      if (Array.isArray(value)) return value.map(change);
      if (typeof value === 'number') return value + 1;
      if (typeof value === 'string') return `${value}1`;
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, inner === null ? 1 : change(inner)]),
      );
    };
    for (const one of file.cases.filter(({ acts }: any) => acts !== undefined)) {
      for (const key of Object.keys(one.acts[0])) {
        const acts = [{ ...one.acts[0], [key]: change(one.acts[0][key]) }];
        const [result] = run({ ...file, cases: [{ ...one, acts }] });
        expect({ case: one.name, key, ok: result?.ok }).toEqual({ case: one.name, key, ok: false });
      }
    }
  });
});

describe('lock requests of Los Técnicos', () => {
  const run = lostecnicos(product);

  it('are the bytes its backend sends, on the topic it sends them on', () => {
    const results = [...run(load('lostecnicos'))];
    expect(results).toHaveLength(5);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });

  it.each(['payload', 'topic'])('fail without their %s', (member) => {
    const file = load('lostecnicos');
    const bare = file.mqtt_lock_payload.map((one: any) => ({ ...one, [member]: undefined }));
    expect([...run({ mqtt_lock_payload: bare })].filter(({ ok }) => ok)).toEqual([]);
  });

  it('one that cannot be sent fails alone', () => {
    const [first, ...others] = load('lostecnicos').mqtt_lock_payload;
    const broken = [{ ...first, kwh: 'much' }, ...others];
    const failed = [...run({ mqtt_lock_payload: broken, notes: ['x'] })].filter(({ ok }) => !ok);
    expect(failed).toHaveLength(1);
    expect([...run({})]).toEqual([]);
    expect([...run({ more: [] })].filter(({ ok }) => !ok)).toHaveLength(1);
  });

  it.each(['payload', 'topic', 'kwh', 'order_id'])('fail when their %s is another', (member) => {
    const file = load('lostecnicos');
    const flipped = file.mqtt_lock_payload.map((one: any) => ({
      ...one,
      [member]: `1${one[member]}`,
    }));
    const ok = [...run({ ...file, mqtt_lock_payload: flipped })].filter((one) => one.ok);
    expect(ok).toEqual([]);
  });
});
