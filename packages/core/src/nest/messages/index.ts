export type { SubmitAnswer } from './message-intake.js';
export {
  MicroserviceError,
  type StartedMicroservices,
  startMicroservices,
} from './start-microservices.js';
export { SUBMIT_LOGS, SUBMIT_READINGS } from './subjects.js';
export {
  grpcTransporter,
  kafkaTransporter,
  natsTransporter,
  protoPath,
  rabbitmqTransporter,
  redisTransporter,
  tcpTransporter,
} from './transporters.js';
export {
  WattproofMessagesModule,
  type WattproofMessagesModuleAsyncOptions,
  type WattproofMessagesModuleOptions,
} from './wattproof-messages.module.js';
