import { describe, expect, it } from '@jest/globals';
import type { DeviceDesk } from '../../src/spi/index.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';
import { testTransport } from './test-transport.js';

/** A gateway with a transport that was lent the desk. */
async function gatewayWithDesk(host: 'fastify' | 'express' = 'fastify') {
  let lent: DeviceDesk | undefined;
  const transport = testTransport('mqtt', { desk: true }, ({ desk }) => {
    lent = desk;
  });
  const gateway = await startTestGateway({ host, parts: { plugins: [transport] } });
  if (lent === undefined) throw new Error('no desk was lent');
  return { gateway, desk: lent };
}

describe('A transport that needs the desk', () => {
  it('is lent it, and what was seen is written by a job and at the stop', async () => {
    const { gateway, desk } = await gatewayWithDesk();
    const { store, jobs } = gateway.services;
    const nowMs = gateway.clock.nowMs();
    await desk.presence({ device: 'd1', state: 'online', why: 'connected', atMs: nowMs - 9 });
    desk.seen('d1', nowMs - 5);
    expect(await jobs.run('devices.seen')).toBe('ran');
    expect((await store.desk.get('d1'))?.seenAtMs).toBe(nowMs - 5);
    await desk.deadLetter({ source: 't', code: 'c', detail: 'd', bytes: new Uint8Array(1) });
    expect((await store.desk.deadLetters({ limit: 9 })).items).toHaveLength(1);
    desk.seen('d1', nowMs);
    await gateway.stop();
    expect((await store.desk.get('d1'))?.seenAtMs).toBe(nowMs);
  });
});
