import { afterEach, describe, expect, it } from '@jest/globals';
import { check } from '../../src/cli/check.js';
import { commandContext } from '../../src/cli/command.js';
import { ConfigFolder } from '../config/config-folder.js';

const MICROSERVICES = `
microservices:
  nats: { servers: ["nats://ada:s3cret@nats.example:4222", "other.example:4222"], queue: meters }
  rabbitmq: { urls: ["amqps://ada:s3c@ret@rabbit.example:5671/house"] }
  kafka: { brokers: ["kafka.example:9092"] }
  redis: {}
  grpc: {}
  tcp: {}
`;

describe('`gateway check` of message systems', () => {
  const folder = new ConfigFolder();
  afterEach(() => folder.remove());

  async function checked(yaml: string, missing: readonly string[] = []) {
    folder.write('etc/gateway.yaml', `origin: example.org/energy-log\n${yaml}`);
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    const context = commandContext({
      env: {},
      workingDirectory: folder.path,
      versionOf: (name) => (missing.includes(name) ? undefined : '9.8.7'),
      out: say,
      err: say,
    });
    return { code: await check([folder.file], context), text: lines.join('\n') };
  }

  it('lists each with its place and its packages, and no password', async () => {
    const { code, text } = await checked(MICROSERVICES);
    expect(code).toBe(0);
    for (const line of [
      /^nats +nats\.example:4222,other\.example:4222 queue=meters +@nestjs\/microservices@9\.8\.7 @nats-io\/transport-node@9\.8\.7 +yes$/m,
      /^rabbitmq +rabbit\.example:5671 queue=wattproof\.readings .*amqplib@9\.8\.7 amqp-connection-manager@9\.8\.7/m,
      /^kafka +kafka\.example:9092 group=wattproof /m,
      /^redis +127\.0\.0\.1:6379 /m,
      /^grpc +127\.0\.0\.1:5000 .*@grpc\/proto-loader@9\.8\.7/m,
      /^tcp +127\.0\.0\.1:3001 /m,
    ])
      expect(text).toMatch(line);
    expect(text).not.toMatch(/s3c|ret@|ada/);
  });

  it('is not sound while a package is missing, and says what to install', async () => {
    const { code, text } = await checked(MICROSERVICES, [
      'kafkajs',
      '@grpc/proto-loader',
      '@grpc/grpc-js',
    ]);
    expect(code).toBe(1);
    expect(text).toContain('2 problems in');
    expect(text).toContain(
      'microservices.kafka: peer_missing: The Kafka transporter needs the package "kafkajs", which is not installed. Run: npm install kafkajs@2',
    );
    expect(text).toMatch(
      /microservices\.grpc: .*npm install @grpc\/grpc-js@1 @grpc\/proto-loader@/,
    );
    expect(text).toContain('kafkajs@(missing)');
    expect(text).not.toContain('is sound');
  });

  it('asks nothing of a replica that takes no readings in', async () => {
    const { code, text } = await checked(`${MICROSERVICES}roles: [api, batch]\n`, ['kafkajs']);
    expect(code).toBe(0);
    expect(text).toMatch(/^kafka .*kafkajs@\(missing\) +no: roles lack ingest$/m);
  });

  it('says nothing of them when there are none', async () => {
    const { code, text } = await checked('');
    expect([code, text.includes('message system')]).toEqual([0, false]);
  });
});
