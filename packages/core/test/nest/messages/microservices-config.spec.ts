import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { gatewayConfigSchema } from '../../../src/plugins/index.js';

const read = (microservices: unknown) =>
  gatewayConfigSchema.safeParse({ origin: 'example.org/log', microservices });

describe('Section microservices', () => {
  it('is absent, or has every default', () => {
    expect(gatewayConfigSchema.parse({ origin: 'example.org/log' }).microservices).toBeUndefined();
    expect(read({ nats: {}, rabbitmq: { urls: ['amqp://h'] } }).data?.microservices).toMatchObject({
      requireApiKey: false,
      refused: 'acknowledge',
      nats: { queue: 'wattproof' },
      rabbitmq: { queue: 'wattproof.readings', declare: true, prefetch: 256 },
    });
  });

  it.each([
    ['an unknown key', { nats: { server: 'x' } }],
    ['an unknown transporter', { mqtt: {} }],
    ['a queue without bound', { rabbitmq: { urls: ['amqp://h'], prefetch: 0 } }],
    ['an address of something else', { rabbitmq: { urls: ['http://h'] } }],
    ['no broker at all', { kafka: { brokers: [] } }],
  ])('refuses %s', (_what, section) => {
    expect(read(section).success).toBe(false);
  });
});

describe('The document of messages', () => {
  it('shows the application that the test against NATS runs', () => {
    const root = new URL('../../../../../', import.meta.url);
    const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');
    const [, example] = /```ts\n([\s\S]*?)```/.exec(text('docs/messages.md')) ?? [];
    expect(example).toBe(text('apps/reference-gateway/test/peers/nats-application.ts'));
  });
});
