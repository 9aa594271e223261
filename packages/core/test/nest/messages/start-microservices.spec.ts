import { describe, expect, it } from '@jest/globals';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, type NestMicroservice, Transport } from '@nestjs/microservices';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import {
  startMicroservices,
  SUBMIT_READINGS,
  tcpTransporter,
} from '../../../src/nest/messages/index.js';
import { MicroservicesConfig } from '../../../src/plugins/index.js';
import { messageHost, messageRoot } from './message-host.js';

const clientOf = (port: number) =>
  ClientProxyFactory.create({ transport: Transport.TCP, options: { port } });
const portOf = (service: Pick<INestMicroservice, 'unwrap'>): number =>
  (service.unwrap<Server>().address() as AddressInfo).port;

describe('The message systems of a gateway', () => {
  it('stand in its health, and end what is under way before they are left', async () => {
    const host = await messageHost();
    const config = MicroservicesConfig.parse({ tcp: { port: 0 } });
    const started = await startMicroservices(host.app, config, 1024 * 1024);
    expect(started.names).toEqual(['tcp']);
    const { parts } = await host.gateway.health.all();
    expect(parts.find(({ name }) => name === 'microservice tcp')?.health).toMatchObject({
      ready: true,
    });

    const [service] = (
      host.app as unknown as { getMicroservices(): NestMicroservice[] }
    ).getMicroservices();
    const client = clientOf(portOf(service!));
    await client.connect();
    let begun: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let commit: () => void = () => undefined;
    const committed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const { ingestion } = host.gateway;
    const accept = ingestion.accept.bind(ingestion);
    ingestion.accept = async (message, signal) => {
      begun();
      await committed;
      return accept(message, signal);
    };
    const answer = firstValueFrom(client.send(SUBMIT_READINGS, host.next()));
    await reached;
    const stopping = started.stop();
    commit();
    expect(await answer).toMatchObject({ items: [{ verdict: 'accepted' }] });
    await stopping;
    expect(await started.stop()).toBeUndefined();
    await client.close();
    await host.stop();
  });

  it('that cannot be reached end the start, by name', async () => {
    const host = await messageHost();
    const taken = await startMicroservices(
      host.app,
      MicroservicesConfig.parse({ tcp: { port: 0 } }),
      1024,
    );
    const [service] = (
      host.app as unknown as { getMicroservices(): NestMicroservice[] }
    ).getMicroservices();
    const port = portOf(service!);
    await expect(
      startMicroservices(host.app, MicroservicesConfig.parse({ tcp: { port } }), 1024),
    ).rejects.toMatchObject({
      code: 'microservice_start_failed',
      message: expect.stringContaining('microservices.tcp'),
    });
    const silent = MicroservicesConfig.parse({
      startWithinMs: 200,
      nats: { servers: ['nats://127.0.0.1:1'] },
    });
    await expect(startMicroservices(host.app, silent, 1024)).rejects.toMatchObject({
      code: 'microservice_start_timeout',
      message: expect.stringContaining('microservices.nats'),
    });
    await taken.stop();
    await host.stop();
  });

  it.each(['tcp', 'grpc'])(
    'whose certificate cannot be used end the start, by name: %s',
    async (name) => {
      const host = await messageHost();
      const tls = { cert: './cert.pem', key: './key.pem' };
      const config = MicroservicesConfig.parse({ [name]: { port: 0, tls } });
      await expect(startMicroservices(host.app, config, 1024)).rejects.toMatchObject({
        code: 'microservice_start_failed',
        message: expect.stringContaining(`microservices.${name}`),
      });
      await host.stop();
    },
  );

  it('may be all there is of an application, with no HTTP at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wattproof-messages-'));
    const root = messageRoot(folder, { requireApiKey: true });
    const app = await NestFactory.createMicroservice(root, {
      ...tcpTransporter({ port: 0 }),
      logger: false,
    });
    await app.listen();
    const client = clientOf(portOf(app));
    expect(await firstValueFrom(client.send(SUBMIT_READINGS, {}))).toMatchObject({
      kind: 'refused',
      code: 'api_key_required',
    });
    await client.close();
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });
});
