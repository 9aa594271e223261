import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WattproofModule } from '@wattproof/core';
import { natsTransporter, WattproofMessagesModule } from '@wattproof/core/messages';
import { gatewayConfigSchema } from '@wattproof/core/plugins';
import { WattproofScheduleModule } from '@wattproof/core/schedule';

const config = gatewayConfigSchema.parse({
  origin: 'example.org/energy-log',
  store: { url: process.env['STORE_URL'] ?? 'embedded://./data/db' },
});

@Module({
  imports: [
    WattproofModule.forRoot({ config }),
    WattproofMessagesModule.forRoot({ requireApiKey: false }),
    WattproofScheduleModule.forRoot(), // the periodic work: sealing, anchoring
  ],
})
class AppModule {}

const servers = [process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'];
export const app = await NestFactory.createMicroservice(
  AppModule,
  await natsTransporter({ servers, queue: 'wattproof' }),
);
app.enableShutdownHooks(); // SIGTERM drains
await app.listen();
