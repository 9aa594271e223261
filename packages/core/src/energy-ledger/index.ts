export { type Claimed, EnergyLedger } from './energy-ledger.js';
export { ClaimsConfig } from './claims.config.js';
export {
  CREDITS,
  type Direction,
  DIRECTIONS,
  ENERGY_CLASSES,
  type EnergyClass,
  type Purpose,
  PURPOSES,
} from './energy-class.js';
export { ENERGY_ERRORS, EnergyError, type EnergyErrorCode } from './energy-error.js';
export type {
  AccountKey,
  AccountStatement,
  ClaimLine,
  ClaimRequest,
  EnergyAccount,
  EnergyStore,
  EnergyTotals,
  HoldRequest,
  RefusedLine,
  StoredHold,
} from './energy.store.js';
