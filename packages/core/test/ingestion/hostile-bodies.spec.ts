import { describe, expect, it } from '@jest/globals';
import { meaningOf, statusOfItem } from '../../src/ingestion/verdict-codes.js';
import {
  hostileBodies,
  hostileMeters,
  HOSTILE_NOW_MS,
  type HostileBody,
} from './hostile-bodies.js';
import { openFixture } from './ingestion-fixture.js';

const table = hostileBodies();

async function outcomeOf(hostile: HostileBody) {
  const fixture = await openFixture({ nowMs: HOSTILE_NOW_MS, meters: hostileMeters() });
  for (const before of hostile.before ?? []) {
    const answer = await fixture.send(before);
    expect(answer).toMatchObject({ kind: 'items', items: [{ verdict: 'accepted' }] });
  }
  const contentType = hostile.contentType ?? 'application/json';
  const answer = await fixture.send(hostile.body, { contentType });
  const added = (await fixture.counted()) - (hostile.before?.length ?? 0);
  if (answer.kind === 'retry') throw new Error(`shed: ${answer.code}`);
  if (answer.kind === 'refused') {
    const { status } = meaningOf(answer.code);
    return { verdict: 'refused', code: answer.code, status, added };
  }
  const item = answer.items[hostile.expect.item ?? 0]!;
  const status = answer.form === 'one' ? statusOfItem(item) : 200;
  return { verdict: item.verdict, code: item.reason, status, added };
}

describe('Hostile bodies', () => {
  it('are at least 150, each with a name of its own', () => {
    const names = table.map(({ name, body }) => `${name} ${String(body).slice(0, 40)}`);
    expect(new Set(names).size).toBe(table.length);
    expect(table.length).toBeGreaterThanOrEqual(150);
  });

  it.each(table.map((hostile) => [hostile.name, hostile] as const))(
    'get their code and add nothing that counts: %s',
    async (_name, hostile) => {
      const { verdict, code, status, acceptedBeside } = hostile.expect;
      const started = process.cpuUsage();
      // A list is answered with 200 whatever is in it.
      expect(await outcomeOf(hostile)).toEqual({
        verdict,
        code,
        status: isList(hostile) && verdict !== 'refused' ? 200 : status,
        added: acceptedBeside ?? 0,
      });
      // Milliseconds each; what grows with the square of its size takes many seconds. Of this process, whatever else runs.
      const { user, system } = process.cpuUsage(started);
      expect((user + system) / 1000).toBeLessThan(2000);
    },
  );
});

function isList({ body, contentType }: HostileBody): boolean {
  return contentType === 'application/x-ndjson' || String(body).trimStart().startsWith('[');
}
