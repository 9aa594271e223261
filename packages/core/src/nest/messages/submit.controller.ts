import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { SubmitAnswer } from './message-intake.js';
import { Settlement } from './settlement.js';
import { SUBMIT_LOGS, SUBMIT_READINGS } from './subjects.js';

/**
 * Requests and events alike: Nest gives an event to the handler of messages when its pattern has no other, and two
 * handlers of one pattern would hide each other.
 */
@Controller()
export class SubmitController {
  constructor(@Inject(Settlement) private readonly settlement: Settlement) {}

  @MessagePattern(SUBMIT_READINGS)
  readings(@Payload() data: unknown, @Ctx() context: unknown): Promise<SubmitAnswer> {
    return this.settlement.settle(SUBMIT_READINGS, data, context);
  }

  @MessagePattern(SUBMIT_LOGS)
  logs(@Payload() data: unknown, @Ctx() context: unknown): Promise<SubmitAnswer> {
    return this.settlement.settle(SUBMIT_LOGS, data, context);
  }
}
