import { KafkaContext, KafkaRetriableException, RmqContext } from '@nestjs/microservices';
import { setTimeout as wait } from 'node:timers/promises';
import type { MessageRules } from '../../plugins/index.js';
import type { DeviceDesk, Logger } from '../../spi/index.js';
import { type Delivery, deliveryOf } from './delivery.js';
import type { MessageIntake, SubmitAnswer, Taken } from './message-intake.js';

export interface SettlementParts {
  readonly intake: MessageIntake;
  readonly rules: Pick<MessageRules, 'refused' | 'requeueDelayMs'>;
  readonly logger: Logger;
  readonly desk: Pick<DeviceDesk, 'deadLetter'>;
  /** Aborts when the gateway stops: what waits to be tried again is given back at once. */
  readonly stopping: AbortSignal;
}

/** Beyond this Kafka is told that the message was not handled, and asks again itself. */
const KAFKA_TRIES = 10;
/** Below any session timeout: kafkajs itself sends no more heartbeats than its interval asks for. */
const KAFKA_BEAT_MS = 500;

/**
 * Answers one message and acknowledges it where the transporter knows acknowledgements: never before what it holds is
 * durable or refused for good.
 */
export class Settlement {
  constructor(private readonly parts: SettlementParts) {}

  settle(subject: string, data: unknown, context: unknown): Promise<SubmitAnswer> {
    const delivery = deliveryOf(subject, data, context);
    if (context instanceof RmqContext) return this.overAmqp(subject, data, delivery, context);
    if (context instanceof KafkaContext) return this.overKafka(subject, data, delivery, context);
    return this.unacknowledged(subject, data, delivery);
  }

  /** RabbitMQ keeps the message until it is acknowledged, and gives it to somebody when this channel ends before. */
  private async overAmqp(
    subject: string,
    data: unknown,
    delivery: Delivery,
    context: RmqContext,
  ): Promise<SubmitAnswer> {
    const channel = context.getChannelRef() as AmqpChannel;
    const message = context.getMessage();
    const settle = (how: 'ack' | 'requeue' | 'reject'): void => {
      try {
        if (how === 'ack') channel.ack(message);
        else channel.nack(message, false, how === 'requeue');
      } catch (error) {
        // The channel is gone and the broker gives the message to the next one: a duplicate there.
        this.parts.logger.debug('a message came back to the broker', { error });
      }
    };
    let taken: Taken;
    try {
      taken = await this.parts.intake.take(subject, data, delivery);
    } catch (error) {
      if (delivery.answered === true) {
        settle('ack');
        throw error;
      }
      this.parts.logger.error('a message could not be handled and goes back to its queue', {
        error,
      });
      await this.pause(0);
      settle('requeue');
      return { kind: 'retry', code: 'internal', retryAfterMs: this.parts.rules.requeueDelayMs };
    }
    const { answer } = taken;
    if (answer.kind === 'retry' && delivery.answered !== true) {
      await this.pause(answer.retryAfterMs);
      settle('requeue');
      return answer;
    }
    const letter = await this.deadLetter(taken, delivery);
    if (letter === 'not written') {
      await this.pause(0);
      settle('requeue');
      return answer;
    }
    const reject = this.parts.rules.refused === 'reject' && keptNothing(answer);
    settle(reject && delivery.answered !== true ? 'reject' : 'ack');
    return answer;
  }

  /** Kafka's offset moves when the handler is done; until then nothing behind the message in its partition is read. */
  private async overKafka(
    subject: string,
    data: unknown,
    delivery: Delivery,
    context: KafkaContext,
  ): Promise<SubmitAnswer> {
    for (let tries = 1; ; tries += 1) {
      const taken = await this.parts.intake.take(subject, data, delivery);
      const { answer } = taken;
      if (answer.kind !== 'retry' && (await this.deadLetter(taken, delivery)) !== 'not written')
        return answer;
      const retryAfterMs = answer.kind === 'retry' ? answer.retryAfterMs : 0;
      if (tries === KAFKA_TRIES || this.parts.stopping.aborted)
        throw new KafkaRetriableException('the readings could not be kept yet');
      await this.pauseAlive(retryAfterMs, context.getHeartbeat());
    }
  }

  /** With heartbeats: without them the group would think this member dead and give the partition to another. */
  private async pauseAlive(retryAfterMs: number, heartbeat: () => Promise<void>): Promise<void> {
    const { rules, stopping } = this.parts;
    let leftMs = Math.max(rules.requeueDelayMs, retryAfterMs);
    while (leftMs > 0 && !stopping.aborted) {
      const ms = Math.min(leftMs, KAFKA_BEAT_MS);
      leftMs -= ms;
      await wait(ms, undefined, { signal: stopping, ref: false }).catch(() => undefined);
      await heartbeat();
    }
  }

  /** The answer is the only acknowledgement; who asked for none has none. */
  private async unacknowledged(
    subject: string,
    data: unknown,
    delivery: Delivery,
  ): Promise<SubmitAnswer> {
    const taken = await this.parts.intake.take(subject, data, delivery);
    const { answer } = taken;
    if (delivery.answered !== true) await this.deadLetter(taken, delivery);
    return answer;
  }

  private async pause(retryAfterMs: number): Promise<void> {
    const { rules, stopping } = this.parts;
    const ms = Math.max(rules.requeueDelayMs, retryAfterMs);
    await wait(ms, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }

  /** What was not kept and nobody else is told of. */
  private async deadLetter(
    { answer, bytes }: Taken,
    { source, answered }: Delivery,
  ): Promise<'none' | 'written' | 'not written'> {
    const reason = answered === true ? undefined : whyNotKept(answer);
    if (reason === undefined) return 'none';
    const { desk, logger } = this.parts;
    logger.warn('a message was not kept', { source, ...reason });
    try {
      await desk.deadLetter({ source, ...reason, bytes });
      return 'written';
    } catch (error) {
      logger.error('a dead letter could not be written', { source, ...reason, error });
      return 'not written';
    }
  }
}

/** What is used of amqplib's channel; its types come with a package that is not ours to ask for. */
interface AmqpChannel {
  ack(message: unknown): void;
  nack(message: unknown, allUpTo: boolean, requeue: boolean): void;
}

function keptNothing(answer: SubmitAnswer): boolean {
  return (
    answer.kind === 'refused' ||
    (answer.kind === 'items' && answer.items.every(({ verdict }) => verdict === 'rejected'))
  );
}

function whyNotKept(
  answer: SubmitAnswer,
): { readonly code: string; readonly detail: string } | undefined {
  if (answer.kind === 'refused') return { code: answer.code, detail: answer.detail };
  if (answer.kind === 'retry')
    return {
      code: answer.code,
      detail: 'nothing was kept, and this transporter sends nothing again',
    };
  const rejected = answer.items.filter(({ verdict }) => verdict === 'rejected');
  const [first] = rejected;
  if (first === undefined) return undefined;
  const { reason = 'rejected', detail = reason } = first;
  const { length } = answer.items;
  return {
    code: reason,
    detail: length === 1 ? detail : `${rejected.length} of ${length} readings rejected: ${detail}`,
  };
}
