import { describe, expect, it } from '@jest/globals';
import { KafkaContext, KafkaRetriableException, RmqContext } from '@nestjs/microservices';
import { MessageIntake, type SubmitAnswer } from '../../../src/nest/messages/message-intake.js';
import { Settlement } from '../../../src/nest/messages/settlement.js';
import { SUBMIT_READINGS } from '../../../src/nest/messages/subjects.js';
import { MessageRules } from '../../../src/plugins/index.js';
import { silentLogger } from '../../../src/testing/silent-logger.js';
import { ACCEPTED_ITEM, KeptDesk } from '../../../src/testing/transport-suite/index.js';

const RETRY = { kind: 'retry', code: 'store_unavailable', retryAfterMs: 10 } as const;
const REFUSED = { kind: 'refused', code: 'json_syntax', detail: 'no' } as const;
const ACCEPTED = { kind: 'items', items: [ACCEPTED_ITEM] } as const;
const REJECTED = {
  kind: 'items',
  items: [
    ACCEPTED_ITEM,
    { ...ACCEPTED_ITEM, verdict: 'rejected', reason: 'signature_invalid', receipt: null },
  ],
} as const;

/** A settlement over a pipeline that gives these answers, the last of them for ever. */
function settlement(
  answers: readonly SubmitAnswer[],
  refused: 'acknowledge' | 'reject' = 'acknowledge',
) {
  const rules = MessageRules.parse({ refused, requeueDelayMs: 10 });
  const left = [...answers];
  const accept = async (): Promise<never> => (left.length > 1 ? left.shift() : left[0]) as never;
  const identity = { identify: () => undefined };
  const intake = new MessageIntake({ ingestion: { accept } } as never, identity, rules);
  const desk = new KeptDesk();
  const stop = new AbortController();
  const logger = silentLogger;
  return {
    desk,
    stop,
    settled: new Settlement({ intake, rules, logger, desk, stopping: stop.signal }),
  };
}

/** A delivery of RabbitMQ and what was done with it. */
function delivered(properties: object = {}) {
  const done: string[] = [];
  const channel = {
    ack: () => done.push('ack'),
    nack: (_message: unknown, _all: boolean, requeue: boolean) =>
      done.push(requeue ? 'requeue' : 'reject'),
  };
  const message = { properties: { headers: {}, ...properties }, fields: { routingKey: 'q' } };
  return { done, context: new RmqContext([message, channel, SUBMIT_READINGS]) };
}

describe('A message of RabbitMQ', () => {
  it('is acknowledged when its readings are kept, and not before', async () => {
    let commit: (answer: SubmitAnswer) => void = () => undefined;
    const { settled } = settlement([
      new Promise((resolve) => {
        commit = resolve;
      }) as never,
    ]);
    const { done, context } = delivered();
    const settling = settled.settle(SUBMIT_READINGS, '{}', context);
    await new Promise(setImmediate);
    expect(done).toEqual([]);
    commit(ACCEPTED);
    expect(await settling).toEqual(ACCEPTED);
    expect(done).toEqual(['ack']);
  });

  it('goes back to its queue when nothing could be kept, unless its sender waits and is told', async () => {
    const event = delivered();
    await settlement([RETRY]).settled.settle(SUBMIT_READINGS, '{}', event.context);
    expect(event.done).toEqual(['requeue']);
    const asked = delivered({ replyTo: 'amq.rabbitmq.reply-to' });
    const answer = await settlement([RETRY]).settled.settle(SUBMIT_READINGS, '{}', asked.context);
    expect([answer, asked.done]).toEqual([RETRY, ['ack']]);
  });

  it('that is refused becomes a dead letter, and goes to the exchange of dead letters when asked to', async () => {
    const acknowledged = delivered();
    const { settled, desk } = settlement([REFUSED]);
    await settled.settle(SUBMIT_READINGS, 'no', acknowledged.context);
    expect(acknowledged.done).toEqual(['ack']);
    expect(desk.deadLetters).toEqual([
      { source: 'rabbitmq q', code: 'json_syntax', detail: 'no', bytes: Buffer.from('no') },
    ]);
    const rejected = delivered();
    await settlement([REFUSED], 'reject').settled.settle(SUBMIT_READINGS, 'no', rejected.context);
    expect(rejected.done).toEqual(['reject']);
  });

  it('of which a part is refused is acknowledged, and the dead letter says how much of it', async () => {
    const { done, context } = delivered();
    const { settled, desk } = settlement([REJECTED], 'reject');
    await settled.settle(SUBMIT_READINGS, '[{},{}]', context);
    expect(done).toEqual(['ack']);
    expect(desk.deadLetters).toMatchObject([
      { code: 'signature_invalid', detail: expect.stringMatching(/^1 of 2 readings rejected/) },
    ]);
  });

  it('goes back to its queue when its dead letter cannot be written', async () => {
    const { done, context } = delivered();
    const { settled, desk } = settlement([REFUSED]);
    desk.unavailable = new Error('away');
    await settled.settle(SUBMIT_READINGS, 'no', context);
    expect(done).toEqual(['requeue']);
  });

  it('on a channel that is gone is the broker’s to give again', async () => {
    const context = new RmqContext([
      { properties: { headers: {} } },
      {
        ack: () => {
          throw new Error('Channel closed');
        },
      },
      SUBMIT_READINGS,
    ]);
    const { settled } = settlement([ACCEPTED]);
    expect(await settled.settle(SUBMIT_READINGS, '{}', context)).toEqual(ACCEPTED);
  });

  it('does not wait when the gateway stops', async () => {
    const { done, context } = delivered();
    const { settled, stop } = settlement([{ ...RETRY, retryAfterMs: 3_600_000 }]);
    const settling = settled.settle(SUBMIT_READINGS, '{}', context);
    stop.abort();
    await settling;
    expect(done).toEqual(['requeue']);
  });
});

describe('Messages beyond what may be in work at once', () => {
  it('are told to come later, and are taken when the others are done', async () => {
    let commit: (answer: SubmitAnswer) => void = () => undefined;
    const slow = new Promise<SubmitAnswer>((resolve) => {
      commit = resolve;
    });
    const rules = MessageRules.parse({ maxUnderWay: 1 });
    const ingestion = { accept: () => slow };
    const intake = new MessageIntake({ ingestion } as never, { identify: () => undefined }, rules);
    const delivery = { source: 'a test' };
    const first = intake.take(SUBMIT_READINGS, '{}', delivery);
    expect(await intake.take(SUBMIT_READINGS, '{}', delivery)).toMatchObject({
      answer: { kind: 'retry', code: 'throttled' },
    });
    commit(ACCEPTED);
    expect((await first).answer).toEqual(ACCEPTED);
    expect((await intake.take(SUBMIT_READINGS, '{}', delivery)).answer).toEqual(ACCEPTED);
  });
});

describe('A message of Kafka', () => {
  let heartbeats = 0;
  const context = new KafkaContext([
    { headers: {} } as never,
    0,
    SUBMIT_READINGS,
    {} as never,
    async () => {
      heartbeats += 1;
    },
    {} as never,
  ]);

  it('is done when its readings are kept; until then its partition waits and the group hears from it', async () => {
    heartbeats = 0;
    const { settled } = settlement([RETRY, RETRY, ACCEPTED]);
    expect(await settled.settle(SUBMIT_READINGS, '{}', context)).toEqual(ACCEPTED);
    expect(heartbeats).toBe(2);
  });

  it('that waits longer than the group waits for a member lets it hear from it meanwhile', async () => {
    heartbeats = 0;
    const later = { ...RETRY, retryAfterMs: 1100 };
    await settlement([later, ACCEPTED]).settled.settle(SUBMIT_READINGS, '{}', context);
    expect(heartbeats).toBe(3);
  });

  it('that cannot be kept for long fails, so that its offset is not committed', async () => {
    const { settled } = settlement([RETRY]);
    await expect(settled.settle(SUBMIT_READINGS, '{}', context)).rejects.toThrow(
      KafkaRetriableException,
    );
  });

  it('that is refused is done, as a dead letter', async () => {
    const { settled, desk } = settlement([REFUSED]);
    await settled.settle(SUBMIT_READINGS, 'no', context);
    expect(desk.deadLetters).toHaveLength(1);
  });
});
