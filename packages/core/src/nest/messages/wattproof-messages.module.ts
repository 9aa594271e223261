import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common';
import type { z } from 'zod';
import type { Gateway } from '../../gateway/gateway.js';
import { MessageRules } from '../../plugins/index.js';
import { GATEWAY, IDENTITY, type Identity } from '../tokens.js';
import { GrpcController } from './grpc.controller.js';
import { MessageIntake } from './message-intake.js';
import { Settlement } from './settlement.js';
import { SubmitController } from './submit.controller.js';

/** What may be left out has its default in `MessageRules`. */
export type WattproofMessagesModuleOptions = z.input<typeof MessageRules>;

export type WattproofMessagesModuleAsyncOptions = Pick<DynamicModule, 'imports'> &
  Pick<FactoryProvider<WattproofMessagesModuleOptions>, 'useFactory' | 'inject'>;

const OPTIONS = Symbol('wattproof.messages-options');
const STOPPING = Symbol('wattproof.messages-stopping');

/**
 * Handlers of `wattproof.readings.submit` and `wattproof.logs.submit` for every transporter that the application
 * connects. Needs `WattproofModule` in the same application.
 */
@Module({})
export class WattproofMessagesModule implements OnModuleDestroy {
  constructor(@Inject(STOPPING) private readonly stopping: AbortController) {}

  static forRoot(options: WattproofMessagesModuleOptions = {}): DynamicModule {
    return assembled({ provide: OPTIONS, useValue: options });
  }

  static forRootAsync(options: WattproofMessagesModuleAsyncOptions): DynamicModule {
    const { useFactory, inject = [], imports = [] } = options;
    return assembled({ provide: OPTIONS, useFactory, inject }, imports);
  }

  onModuleDestroy(): void {
    this.stopping.abort();
  }
}

function assembled(
  options: Provider<WattproofMessagesModuleOptions>,
  imports: DynamicModule['imports'] = [],
): DynamicModule {
  return {
    module: WattproofMessagesModule,
    imports,
    controllers: [SubmitController, GrpcController],
    providers: [
      options,
      { provide: STOPPING, useFactory: () => new AbortController() },
      {
        provide: MessageIntake,
        inject: [GATEWAY, IDENTITY, OPTIONS],
        useFactory: (gateway: Gateway, identity: Identity, given: WattproofMessagesModuleOptions) =>
          new MessageIntake(gateway, identity, MessageRules.parse(given)),
      },
      {
        provide: Settlement,
        inject: [GATEWAY, OPTIONS, MessageIntake, STOPPING],
        useFactory: (
          gateway: Gateway,
          given: WattproofMessagesModuleOptions,
          intake: MessageIntake,
          stopping: AbortController,
        ) =>
          new Settlement({
            intake,
            rules: MessageRules.parse(given),
            logger: gateway.logger,
            desk: gateway.desk,
            stopping: stopping.signal,
          }),
      },
    ],
  };
}
