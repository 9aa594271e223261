import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { once } from 'node:events';
import { type AddressInfo, connect, type Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { SUBMIT_LOGS, SUBMIT_READINGS, tcpTransporter } from '../../../src/nest/messages/index.js';
import { TEST_ADMIN_KEY } from '../../../src/testing/start-test-gateway.js';
import { type MessageHost, messageHost } from './message-host.js';

describe('Over TCP, from Nest’s own client', () => {
  let host: MessageHost;
  let client: ClientProxy;
  let port: number;
  const ask = (subject: string, data: unknown): Promise<any> =>
    firstValueFrom(client.send(subject, data as object));

  beforeAll(async () => {
    host = await messageHost();
    const service = host.app.connectMicroservice(tcpTransporter({ port: 0 }, 1000, 200 * 1024));
    await host.app.startAllMicroservices();
    ({ port } = service.unwrap<Server>().address() as AddressInfo);
    client = ClientProxyFactory.create({ transport: Transport.TCP, options: { port } });
  });
  afterAll(async () => {
    await client.close();
    await host.stop();
  });

  it('a reading is answered with its verdict and receipt when it is in the store', async () => {
    const reading = host.next();
    const answer = await ask(SUBMIT_READINGS, reading);
    expect(answer).toMatchObject({ kind: 'items', items: [{ verdict: 'accepted' }] });
    const [{ id, receipt }] = answer.items;
    expect(receipt).toBeTruthy();
    expect(await host.gateway.store.entries.get(id)).toMatchObject({ id });
    expect(await ask(SUBMIT_READINGS, reading)).toMatchObject({
      items: [{ id, verdict: 'duplicate', receipt }],
    });
  });

  it('arrays, NDJSON in a string, Buffers and a payload beside a key are the same message', async () => {
    const accepted = { kind: 'items', items: [{ verdict: 'accepted' }, { verdict: 'accepted' }] };
    expect(await ask(SUBMIT_READINGS, [host.next(), host.next()])).toMatchObject(accepted);
    const lines = `${JSON.stringify(host.next())}\n${JSON.stringify(host.next())}\n`;
    expect(await ask(SUBMIT_READINGS, lines)).toMatchObject(accepted);
    const bytes = Buffer.from(JSON.stringify([host.next(), host.next()]));
    expect(await ask(SUBMIT_READINGS, bytes)).toMatchObject(accepted);
    const payload = [host.next(), host.next()];
    expect(await ask(SUBMIT_READINGS, { apiKey: TEST_ADMIN_KEY, payload })).toMatchObject(accepted);
  });

  it('what is refused is told with its code', async () => {
    expect(await ask(SUBMIT_READINGS, { apiKey: 'wpk_nobody', payload: {} })).toMatchObject({
      kind: 'refused',
      code: 'api_key_invalid',
    });
    expect(await ask(SUBMIT_READINGS, 'no json')).toMatchObject({ kind: 'refused' });
    expect(await ask(SUBMIT_READINGS, {})).toMatchObject({ items: [{ verdict: 'rejected' }] });
    expect(await ask(SUBMIT_LOGS, [{}])).toMatchObject({ items: [{ verdict: 'rejected' }] });
  });

  it('a device key stands behind the unsigned readings of its own meter and of no other', async () => {
    const { gateway, device } = host;
    const { accountId, meterId } = device.stored();
    const { key } = await gateway.apiKeys.issue({ accountId, role: 'device', meterId }, 'a test');
    const endsMs = gateway.clock.nowMs();
    const unsigned = (meter: string): object => ({
      format: 'reading/1',
      document: device.reading(endsMs, { seq: 900, meter }),
    });
    const sent = (meter: string): Promise<any> =>
      ask(SUBMIT_READINGS, { apiKey: key, payload: unsigned(meter) });
    const [own] = (await sent(meterId)).items;
    expect(own.verdict).not.toBe('rejected');
    expect((await sent('M-other')).items).toMatchObject([{ verdict: 'rejected' }]);
    const alone = await ask(SUBMIT_READINGS, unsigned(meterId));
    expect(alone.items).toMatchObject([{ reason: 'device_signature_required' }]);
  });

  it('garbage ends its own connection and nobody else’s; what is too large is told', async () => {
    const before = await ask(SUBMIT_READINGS, host.next());
    for (const garbage of [
      'not a length#{}',
      '12#{"pattern":no',
      '99999999#',
      'x'.repeat(1_300_000),
    ]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.end(garbage);
      await once(socket.resume(), 'close');
    }
    const large = ' '.repeat(1024 * 1024 + 1);
    expect(await ask(SUBMIT_READINGS, large)).toMatchObject({ code: 'message_too_large' });
    const after = await ask(SUBMIT_READINGS, host.next());
    expect([before, after].map(({ items }) => items[0].verdict)).toEqual(['accepted', 'accepted']);
  });

  it('what its sender does not wait for and is refused becomes a dead letter with its reason', async () => {
    await firstValueFrom(client.emit(SUBMIT_READINGS, 'no json'));
    let letters: readonly object[] = [];
    while (letters.length === 0) {
      await ask(SUBMIT_READINGS, 'a round trip');
      ({ items: letters } = await host.gateway.store.desk.deadLetters({ limit: 10 }));
    }
    expect(letters).toMatchObject([
      { source: `tcp ${SUBMIT_READINGS}`, code: expect.stringMatching(/^(json|envelope)_/) },
    ]);
  });
});
