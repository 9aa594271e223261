export {
  type Cheat,
  Cheater,
  CHEATS,
  type LabelledMember,
  shareOf,
  withCheaters,
} from './cheater.js';
export { createFleet, type FleetMember, readingDocument } from './fleet.js';
export {
  GatewayClient,
  type RegisteredMeter,
  type Submission,
  type Verdict,
} from './gateway-client.js';
export {
  demandW,
  drawHousehold,
  generationW,
  type Household,
  LONGITUDE_DEG,
} from './load-curve.js';
export {
  kwhFromWh,
  type RegisterInterval,
  registerIntervals,
  type RegisterValue,
  whFromKwh,
} from './register-intervals.js';
export { SeededRandom } from './seeded-random.js';
export { type ReadingEnvelope, SimulatedDevice } from './simulated-device.js';
export { type SimulatedInterval, SimulatedMeter } from './simulated-meter.js';
export {
  type SimulationOptions,
  type SimulationProgress,
  runSimulation,
} from './run-simulation.js';
