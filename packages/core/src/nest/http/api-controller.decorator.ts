import { applyDecorators, Controller, UseFilters, UseGuards } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { PluginChecks } from './plugin-checks.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestMetrics } from './request-metrics.js';

/** A controller whose routes stand in the route table: measured, guarded, and refusing with problem documents. */
export function ApiController(): ClassDecorator {
  return applyDecorators(
    Controller(),
    UseGuards(RequestMetrics, AccessGuard, PluginChecks),
    UseFilters(ProblemFilter),
  );
}
