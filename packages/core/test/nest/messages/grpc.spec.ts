import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { grpcTransporter, protoPath } from '../../../src/nest/messages/index.js';
import { freePort } from '../../../src/testing/process/free-ports.js';
import { TEST_ADMIN_KEY } from '../../../src/testing/start-test-gateway.js';
import { type MessageHost, messageHost } from './message-host.js';

describe('Over gRPC, from a client that knows the proto file alone', () => {
  let host: MessageHost;
  let client: any;
  const call = (method: string, request: object, key?: string): Promise<any> =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      if (key !== undefined) metadata.set('x-api-key', key);
      client[method](request, metadata, (error: Error | null, answer: unknown) =>
        error === null ? resolve(answer) : reject(error),
      );
    });

  beforeAll(async () => {
    host = await messageHost({ requireApiKey: true });
    const port = await freePort();
    host.app.connectMicroservice(await grpcTransporter({ port }));
    await host.app.startAllMicroservices();
    const { wattproof } = loadPackageDefinition(loadSync(protoPath())) as any;
    client = new wattproof.v1.Ingest(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await host.stop();
  });

  it('a reading is answered with its verdict and receipt', async () => {
    const payload = Buffer.from(JSON.stringify(host.next()));
    const answer = await call('SubmitReadings', { payload }, TEST_ADMIN_KEY);
    expect(answer.items).toMatchObject([{ verdict: 'accepted' }]);
    expect(JSON.parse(answer.items[0].receipt)).toBeTruthy();
    const { id } = answer.items[0];
    expect(await host.gateway.store.entries.get(id)).toMatchObject({ id });
  });

  it('what is refused is told, a missing key too', async () => {
    const payload = Buffer.from('{');
    expect((await call('SubmitLog', { payload })).refused.code).toBe('api_key_required');
    expect((await call('SubmitReadings', { payload }, 'wpk_x')).refused.code).toBe(
      'api_key_invalid',
    );
    const large = Buffer.alloc(1024 * 1024 + 1, ' ');
    expect((await call('SubmitReadings', { payload: large }, TEST_ADMIN_KEY)).refused.code).toBe(
      'message_too_large',
    );
  });
});
