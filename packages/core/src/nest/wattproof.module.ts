import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { ApiKeyService } from '../accounts/api-key.service.js';
import { UserService } from '../accounts/user.service.js';
import { AnchoringEngine } from '../anchoring/index.js';
import { Batcher } from '../batching/batcher.js';
import type { ActiveDetector } from '../detectors/active-detector.js';
import { MeterService } from '../devices/meter.service.js';
import { Subscribers } from '../events/subscribers.js';
import { EnergyLedger } from '../energy-ledger/index.js';
import { composeGateway, type GatewayOptions } from '../gateway/compose-gateway.js';
import type { BatchPolicy } from '../gateway/gateway-options.js';
import type { Gateway } from '../gateway/gateway.js';
import { IngestionService } from '../ingestion/ingestion.service.js';
import { JobTable } from '../jobs/job-table.js';
import { ProofService } from '../proofs/proof.service.js';
import { ApiKeyIdentity } from './api-key-identity.js';
import {
  BATCH_POLICY,
  DETECTORS,
  GATEWAY,
  GATEWAY_OPTIONS,
  IDENTITY,
  type Identity,
  STORE,
} from './tokens.js';

export interface WattproofModuleOptions extends GatewayOptions {
  /** The host's own way to know who calls; default: API keys in the header X-API-Key. */
  readonly identity?: Identity;
}

/** Parts that the host's own providers replace. */
export interface WattproofReplacements {
  /** By token: `BATCH_POLICY`, `DETECTORS`, `IDENTITY`. They win over what the options say. */
  readonly providers?: readonly Provider[];
  /** Modules that export what those providers, or the options' factory, inject. */
  readonly imports?: DynamicModule['imports'];
}

export type WattproofModuleAsyncOptions = WattproofReplacements &
  Pick<FactoryProvider<WattproofModuleOptions>, 'useFactory' | 'inject'>;

/** The services as providers, started before the application listens and stopped after it no longer does. */
@Module({})
export class WattproofModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  static forRoot(
    options: WattproofModuleOptions,
    replacements: WattproofReplacements = {},
  ): DynamicModule {
    return assembled({ provide: GATEWAY_OPTIONS, useValue: options }, replacements);
  }

  static forRootAsync(options: WattproofModuleAsyncOptions): DynamicModule {
    const { useFactory, inject = [], ...replacements } = options;
    return assembled({ provide: GATEWAY_OPTIONS, useFactory, inject }, replacements);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.gateway.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.gateway.stop();
  }
}

/** Services an embedder may inject by class. */
const SERVICES: readonly FactoryProvider[] = [
  { provide: IngestionService, inject: [GATEWAY], useFactory: (g: Gateway) => g.ingestion },
  { provide: MeterService, inject: [GATEWAY], useFactory: (g: Gateway) => g.meters },
  { provide: EnergyLedger, inject: [GATEWAY], useFactory: (g: Gateway) => g.energyLedger },
  { provide: ApiKeyService, inject: [GATEWAY], useFactory: (g: Gateway) => g.apiKeys },
  { provide: UserService, inject: [GATEWAY], useFactory: (g: Gateway) => g.users },
  { provide: ProofService, inject: [GATEWAY], useFactory: (g: Gateway) => g.proofs },
  { provide: Batcher, inject: [GATEWAY], useFactory: (g: Gateway) => g.batcher },
  { provide: JobTable, inject: [GATEWAY], useFactory: (g: Gateway) => g.jobs },
  { provide: Subscribers, inject: [GATEWAY], useFactory: (g: Gateway) => g.subscribers },
  { provide: AnchoringEngine, inject: [GATEWAY], useFactory: (g: Gateway) => g.anchoring.engine },
  { provide: STORE, inject: [GATEWAY], useFactory: (g: Gateway) => g.store },
];

function assembled(
  options: Provider<WattproofModuleOptions>,
  { providers = [], imports = [] }: WattproofReplacements,
): DynamicModule {
  return {
    module: WattproofModule,
    // Door modules (/http, /schedule) find the gateway without being told where it is.
    global: true,
    imports,
    providers: [
      options,
      {
        provide: GATEWAY,
        inject: [
          GATEWAY_OPTIONS,
          { token: BATCH_POLICY, optional: true },
          { token: DETECTORS, optional: true },
        ],
        useFactory: (
          given: WattproofModuleOptions,
          batchPolicy?: BatchPolicy,
          detectors?: readonly ActiveDetector[],
        ) =>
          composeGateway({
            ...given,
            replace: {
              ...given.replace,
              ...(batchPolicy === undefined ? {} : { batchPolicy }),
              ...(detectors === undefined ? {} : { detectors }),
            },
          }),
      },
      {
        provide: IDENTITY,
        inject: [GATEWAY_OPTIONS, GATEWAY],
        useFactory: (given: WattproofModuleOptions, gateway: Gateway): Identity =>
          given.identity ?? new ApiKeyIdentity(gateway.apiKeys),
      },
      ...SERVICES,
      // Last, so that they win.
      ...providers,
    ],
    exports: [GATEWAY, IDENTITY, ...SERVICES.map(({ provide }) => provide)],
  };
}
