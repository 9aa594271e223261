import type { Logger } from '../spi/index.js';

/** For tests that do not care what is logged. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
