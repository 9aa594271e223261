import { describe, expect, it } from '@jest/globals';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import {
  HOSTILE_NOW_MS,
  hostileBodies,
  hostileMeters,
  type HostileBody,
} from '../ingestion/hostile-bodies.js';
import { ask, type Host, HOSTS } from './hosts.js';

const table = hostileBodies();

describe.each(HOSTS)('Hostile bodies over HTTP on %s', (host) => {
  it(`get the documented status and code, and none counts (${table.length} bodies)`, async () => {
    const wrong: string[] = [];
    // What accepts something needs a store of its own, or the first body would answer for the second.
    const shared = await openGateway(host);
    for (const hostile of table) {
      const { before = [], expect: wanted } = hostile;
      const isAlone = before.length > 0 || (wanted.acceptedBeside ?? 0) > 0;
      const gateway = isAlone ? await openGateway(host) : shared;
      for (const body of before) {
        const accepted = await gateway.send(body);
        if (accepted.json?.verdict !== 'accepted') wrong.push(`${hostile.name}: what comes before`);
      }
      const kept = await gateway.counted();
      const answer = await gateway.send(hostile.body, hostile.contentType);
      const got = { ...told(hostile, answer), added: (await gateway.counted()) - kept };
      if (JSON.stringify(got) !== JSON.stringify(wantedOf(hostile))) {
        wrong.push(`${hostile.name}: ${JSON.stringify(got)}`);
      }
      if (isAlone) await gateway.stop();
    }
    await shared.stop();
    expect(wrong).toEqual([]);
  });
});

async function openGateway(host: Host) {
  const clock = new FakeClock(HOSTILE_NOW_MS);
  const store = openMemoryStore({ clock });
  for (const meter of hostileMeters()) await store.meters.register(meter, unjournaled);
  const { url, stop } = await startTestGateway({ host, clock, parts: { store, plugins: [] } });
  return {
    stop,
    send: (body: string | Uint8Array, type?: string) =>
      ask(`${url}/api/v1/readings`, { body, type: type ?? 'application/json' }),
    async counted() {
      const { items } = await store.entries.list({ source: 'external', limit: 1000 });
      return items.filter(({ verdict }) => verdict !== 'quarantined').length;
    },
  };
}

interface Told {
  readonly status: number;
  readonly code: string | null;
  readonly added: number;
}

function wantedOf({ expect: wanted }: HostileBody): Told {
  return { status: wanted.status, code: wanted.code ?? null, added: wanted.acceptedBeside ?? 0 };
}

function told(hostile: HostileBody, answer: Awaited<ReturnType<typeof ask>>): Omit<Told, 'added'> {
  const item = Array.isArray(answer.json) ? answer.json[hostile.expect.item ?? 0] : answer.json;
  return { status: answer.status, code: item?.code ?? item?.reason ?? null };
}
