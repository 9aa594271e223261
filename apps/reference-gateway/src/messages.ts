import type { DynamicModule } from '@nestjs/common';
import type { ServedGateway } from '@wattproof/core/http';
import type { StartedMicroservices } from '@wattproof/core/messages';
import type { GatewayConfig } from '@wattproof/core/plugins';

/** Section `microservices`; undefined when there is none, or when another replica takes readings in. */
export async function messagesOf({ microservices, ingestion, roles }: GatewayConfig): Promise<
  | {
      readonly module: DynamicModule;
      /** Rejects when a message system cannot be reached, having stopped the gateway. */
      start(served: ServedGateway): Promise<StartedMicroservices>;
    }
  | undefined
> {
  if (microservices === undefined || !roles.includes('ingest')) return undefined;
  const { startMicroservices, WattproofMessagesModule } = await import('@wattproof/core/messages');
  return {
    module: WattproofMessagesModule.forRoot(microservices),
    async start(served) {
      try {
        return await startMicroservices(served.app, microservices, ingestion.limits.messageBytes);
      } catch (error) {
        await served.stop();
        throw error;
      }
    },
  };
}
