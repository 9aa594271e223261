import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { HTTP_OPTIONS, type HttpOptions } from '../tokens.js';
import { AccessGuard } from './access.guard.js';
import { ClientCertificates } from './client-certificates.js';
import { AnchorsController } from './controllers/anchors.controller.js';
import { ApiKeysController } from './controllers/api-keys.controller.js';
import { BatchesController } from './controllers/batches.controller.js';
import { CheckpointsController } from './controllers/checkpoints.controller.js';
import { CommandsController } from './controllers/commands.controller.js';
import { DevicesController } from './controllers/devices.controller.js';
import { DocsController } from './controllers/docs.controller.js';
import { ChainsController } from './controllers/chains.controller.js';
import { EnergyController } from './controllers/energy.controller.js';
import { FindingsController } from './controllers/findings.controller.js';
import { ErasuresController } from './controllers/erasures.controller.js';
import { ImportsController } from './controllers/imports.controller.js';
import { HealthController } from './controllers/health.controller.js';
import { LogsController } from './controllers/logs.controller.js';
import { MeterChangesController } from './controllers/meter-changes.controller.js';
import { MeterKeysController } from './controllers/meter-keys.controller.js';
import { MetersController } from './controllers/meters.controller.js';
import { MetricsController } from './controllers/metrics.controller.js';
import { NoticesController } from './controllers/notices.controller.js';
import { OperationController } from './controllers/operation.controller.js';
import { JudgementsController } from './controllers/judgements.controller.js';
import { QuarantineController } from './controllers/quarantine.controller.js';
import { ReadingsController } from './controllers/readings.controller.js';
import { WebhooksController } from './controllers/webhooks.controller.js';
import { SeedMetersController } from './controllers/seed-meters.controller.js';
import { UsersController } from './controllers/users.controller.js';
import { Metrics } from './metrics.js';
import { ApiDocument } from './openapi.js';
import { PluginChecks } from './plugin-checks.js';
import { PluginUpgrades } from './plugin-upgrades.js';
import { PluginRoutes } from './plugin-routes.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestMetrics } from './request-metrics.js';

/** Groups of controllers that an embedder can leave out. */
const CONTROLLERS = {
  health: [HealthController],
  readings: [
    LogsController,
    FindingsController,
    ReadingsController,
    ErasuresController,
    ImportsController,
    JudgementsController,
    QuarantineController,
  ],
  batches: [BatchesController, CheckpointsController],
  // What is named comes before what any id may stand for: Express takes the first that fits.
  meters: [
    SeedMetersController,
    MetersController,
    MeterChangesController,
    MeterKeysController,
    EnergyController,
    ChainsController,
    DevicesController,
    CommandsController,
  ],
  accounts: [ApiKeysController, UsersController],
  operation: [OperationController, AnchorsController, MetricsController],
  events: [NoticesController, WebhooksController],
  docs: [DocsController],
} as const satisfies Record<string, readonly Type[]>;

export type ControllerGroup = keyof typeof CONTROLLERS;

export interface WattproofHttpModuleOptions extends Partial<HttpOptions> {
  /** Groups of routes to leave out. */
  readonly without?: readonly ControllerGroup[];
}

/** 1 MiB: a thousand readings with their envelopes. */
const MAX_BODY_BYTES = 1_048_576;

/**
 * The REST API and its OpenAPI document, on Fastify and on Express. Needs `WattproofModule` in the same
 * application, and `prepareHttpApp(app)` (or `createHttpApp`) so that bodies arrive as bytes.
 */
@Module({})
export class WattproofHttpModule {
  static forRoot(options: WattproofHttpModuleOptions = {}): DynamicModule {
    const { open = [], guards = {}, maxBodyBytes = MAX_BODY_BYTES, without = [] } = options;
    const { certificateProxies = [] } = options;
    const http: HttpOptions = { open, guards, maxBodyBytes, certificateProxies };
    const groups = Object.keys(CONTROLLERS) as ControllerGroup[];
    return {
      module: WattproofHttpModule,
      controllers: groups
        .filter((group) => !without.includes(group))
        .flatMap((group): readonly Type[] => CONTROLLERS[group]),
      providers: [
        { provide: HTTP_OPTIONS, useValue: http },
        AccessGuard,
        ApiDocument,
        ClientCertificates,
        Metrics,
        PluginChecks,
        PluginRoutes,
        PluginUpgrades,
        ProblemFilter,
        RequestMetrics,
      ],
      exports: [HTTP_OPTIONS, Metrics],
    };
  }
}
