import { StoreUnavailable } from '../store.js';
import { SqlError } from './sql.js';

/**
 * SQLSTATEs that say "not now" of the server as a whole rather than "not this" of a statement: connection
 * exceptions (08), insufficient resources (53), operator intervention and statement timeout (57), system
 * errors (58), internal errors (XX), and a primary that has become a read-only standby (25006).
 */
const UNAVAILABLE = /^(08|53|57|58|XX|25006)/;

/** Failures below the protocol: Node's socket errors and what the two drivers say when the server is gone. */
const BROKEN_CONNECTION =
  /^E[A-Z_]+$|connection|timeout exceeded|pool after calling end|is closed|is closing|RuntimeError|Aborted/i;

interface DriverError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly constraint?: unknown;
}

/**
 * Turns whatever a driver throws into `SqlError` or `StoreUnavailable`. The drivers' own errors carry the
 * statement's parameters, which hold people's readings; nothing but the message, code and constraint is kept.
 */
export function classifyFailure(error: unknown): unknown {
  if (error instanceof SqlError || error instanceof StoreUnavailable) return error;
  if (typeof error !== 'object' || error === null) return error;
  const { message, code, constraint } = error as DriverError;
  const text = typeof message === 'string' ? message : error.constructor.name;
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)) {
    if (UNAVAILABLE.test(code)) return unavailable(`${text} (SQLSTATE ${code})`);
    return new SqlError(text, code, typeof constraint === 'string' ? constraint : undefined);
  }
  const symptom = `${typeof code === 'string' ? code : ''} ${error.constructor.name} ${text}`;
  if ((typeof code === 'string' && BROKEN_CONNECTION.test(code)) || BROKEN_CONNECTION.test(symptom))
    return unavailable(text);
  return error;
}

export function unavailable(what: string): StoreUnavailable {
  return new StoreUnavailable(
    `The database cannot be used now: ${what}. Nothing was acknowledged; try again later.`,
  );
}
