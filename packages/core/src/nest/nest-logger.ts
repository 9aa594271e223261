import type { LoggerService } from '@nestjs/common';
import type { Logger } from '../spi/index.js';

/** Nest's own messages in the gateway's log. What it tells of every route at start is for debugging. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.debug('nest', { message, context });
  }

  debug(message: unknown, context?: unknown): void {
    this.logger.debug('nest', { message, context });
  }

  verbose(message: unknown, context?: unknown): void {
    this.logger.debug('nest', { message, context });
  }

  warn(message: unknown, context?: unknown): void {
    this.logger.warn('nest', { message, context });
  }

  error(message: unknown, ...rest: unknown[]): void {
    // A start that fails rejects with its reason; whoever called tells it.
    if (rest.at(-1) === 'ExceptionHandler') return;
    this.logger.error('nest', { message, context: rest.at(-1) });
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.logger.error('nest', { message, context: rest.at(-1) });
  }
}
