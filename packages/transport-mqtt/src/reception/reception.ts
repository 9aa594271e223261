import type { Callers, Clock, DeviceDesk, Ingest, IngestAnswer, Logger } from '@wattproof/core/spi';
import { FormatError, JsonError } from '@wattproof/core/verify';
import type { LinkMessage, Outcome, PubackReason } from '../link.js';
import type { Act } from '../payloads/act.js';
import { PayloadError } from '../payloads/payload-error.js';
import { readPayload } from '../payloads/read-payload.js';
import type { InboundTopic, TopicMaps } from '../topics/topic-maps.js';
import { propertiesOf, reasonOfItems, reasonOfRefusal } from './puback-reason.js';
import type { ReceiptPost } from './receipt-post.js';
import type { SentOrders } from './sent-orders.js';
import type { StrangerLetters } from './stranger-letters.js';

/** How long to wait when the gateway could not take a message for a reason of its own and was told no time. */
const RETRY_AFTER_MS = 1_000;

export interface ReceptionParts {
  readonly maps: TopicMaps;
  readonly ingest: Ingest;
  readonly desk: DeviceDesk;
  /** Asked about devices that a payload names and its topic does not. */
  readonly callers?: Pick<Callers, 'maySpeakFor'> | undefined;
  readonly receipts: ReceiptPost;
  readonly orders: SentOrders;
  readonly strangerLetters: Pick<StrangerLetters, 'allows'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: { readonly maxMessageBytes: number };
  /** The broker lets nobody publish on a topic but the device it names. */
  readonly topicsAreAuthenticated: boolean;
}

const SUCCESS: Outcome = { kind: 'acknowledge', reasonCode: 0x00 };

/**
 * Takes one message after another, many at once: reads what it says, has it made durable, and only then says how to acknowledge it.
 * What cannot be used becomes a dead letter first, so nothing is acknowledged into silence.
 */
export class Reception {
  #taken = 0;
  #withheld = 0;
  #deadLetters = 0;
  #lettersNotKept = 0;
  #echoes = 0;

  constructor(private readonly parts: ReceptionParts) {}

  /** Never rejects: whatever goes wrong, the message comes again. */
  async take(message: LinkMessage): Promise<Outcome> {
    this.#taken += 1;
    let outcome: Outcome;
    try {
      outcome = await this.#taking(message);
    } catch (error) {
      this.parts.logger.error('A message was not taken.', { error: String(error) });
      outcome = { kind: 'withhold', why: 'store_unavailable', retryAfterMs: RETRY_AFTER_MS };
    }
    if (outcome.kind === 'withhold') this.#withheld += 1;
    return outcome;
  }

  get facts(): Record<string, number> {
    return {
      messages: this.#taken,
      withheld: this.#withheld,
      deadLetters: this.#deadLetters,
      deadLettersNotKept: this.#lettersNotKept,
      echoes: this.#echoes,
    };
  }

  async #taking(message: LinkMessage): Promise<Outcome> {
    const { maps, limits, clock, desk } = this.parts;
    const topic = maps.inbound(message.topic);
    if (topic === undefined) {
      // What the gateway published itself and a wide subscription brought back.
      if (maps.outbound(message.topic) !== undefined && message.caller === undefined) {
        this.#echoes += 1;
        return SUCCESS;
      }
      return this.#refuse(message, undefined, 'topic_unknown', 'No map has this topic.', 0x83);
    }
    // A retained message is from whenever it was published: it shows nobody alive.
    if (topic.speaker !== undefined && !message.retain && message.will !== true)
      desk.seen(topic.speaker, clock.nowMs());
    const { payloadBytes = message.payload.length } = message;
    if (payloadBytes > limits.maxMessageBytes)
      return this.#refuse(
        message,
        topic,
        'message_too_large',
        `The payload has ${payloadBytes} bytes, at most ${limits.maxMessageBytes} are taken.`,
        0x83,
      );
    let acts: readonly Act[];
    try {
      const { payload, contentType } = message;
      const stated = contentType === undefined ? {} : { contentType };
      acts = readPayload({ payload, atMs: clock.nowMs(), ...stated }, topic);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      return this.#refuse(message, topic, error.code, error.message, 0x99);
    }
    const outcomes = await Promise.all(acts.map((act) => this.#perform(act, message, topic)));
    return outcomes.reduce(worse);
  }

  async #perform(act: Act, message: LinkMessage, topic: InboundTopic): Promise<Outcome> {
    const { desk } = this.parts;
    try {
      switch (act.kind) {
        case 'readings':
          return await this.#submit(act, message, topic);
        case 'presence':
          if (message.speakerIsHere === true) return SUCCESS;
          await desk.presence(message.will === true ? { ...act.change, why: 'will' } : act.change);
          return SUCCESS;
        case 'telemetry':
          await desk.telemetry(act.report);
          return SUCCESS;
        case 'alert':
          await desk.alert(act.alert);
          return SUCCESS;
        case 'progress':
          return await this.#progress(act.report, message, topic);
        case 'answer':
          return await this.#answer(act);
      }
    } catch (error) {
      if (!isDeskRefusal(error)) throw error;
      const reason = error.code === 'report_invalid' ? 0x99 : 0x83;
      return this.#refuse(message, topic, error.code, error.message, reason);
    }
  }

  /** Topics of transfers name no device: who is known says nothing for another's. */
  async #progress(
    report: Extract<Act, { kind: 'progress' }>['report'],
    message: LinkMessage,
    topic: InboundTopic,
  ): Promise<Outcome> {
    const { desk, callers } = this.parts;
    const { device } = report;
    const isForeign =
      message.caller !== undefined &&
      device !== undefined &&
      (await callers?.maySpeakFor(message.caller, device)) === false;
    if (isForeign)
      return this.#refuse(
        message,
        topic,
        'not_the_device',
        `"device_id" is "${device}", for which ${message.caller.id} does not speak.`,
        0x87,
      );
    await desk.progress(report);
    return SUCCESS;
  }

  async #submit(
    { contentType, bytes, meter }: Extract<Act, { kind: 'readings' }>,
    message: LinkMessage,
    topic: InboundTopic,
  ): Promise<Outcome> {
    const { ingest, topicsAreAuthenticated } = this.parts;
    const { caller, source } = message;
    const isVouched = caller === undefined && topicsAreAuthenticated;
    const answer = await ingest.accept({
      contentType,
      bytes,
      assurance: isVouched || caller?.kind === 'device' ? 'transport' : 'unsigned',
      source,
      ...(caller === undefined ? {} : { caller }),
      ...(isVouched ? { vouchesFor: [meter] } : {}),
    });
    switch (answer.kind) {
      case 'retry':
        return { kind: 'withhold', why: answer.code, retryAfterMs: answer.retryAfterMs };
      case 'refused':
        return this.#refuse(
          message,
          topic,
          answer.code,
          answer.detail,
          reasonOfRefusal(answer.code),
        );
      case 'items':
        return this.#settle(answer, message, topic);
    }
  }

  async #settle(
    answer: Extract<IngestAnswer, { kind: 'items' }>,
    message: LinkMessage,
    topic: InboundTopic,
  ): Promise<Outcome> {
    const refused = answer.items.filter(({ verdict }) => verdict === 'rejected');
    const [first] = refused;
    if (first !== undefined)
      await this.#bury(
        message,
        topic,
        first.reason ?? 'rejected',
        `${refused.length} of ${answer.items.length} readings were refused; the first: ${first.detail ?? first.reason ?? 'rejected'}`,
      );
    this.#tell(message, topic, answer);
    return {
      kind: 'acknowledge',
      reasonCode: reasonOfItems(answer.items),
      properties: propertiesOf(answer.items),
    };
  }

  async #answer({ device, bytes, order }: Extract<Act, { kind: 'answer' }>): Promise<Outcome> {
    const { desk, orders } = this.parts;
    const addressed = order === undefined ? bytes : orders.addressed(device, order, bytes);
    const verdict = await desk.answered(device, addressed);
    if (verdict === 'accepted' || verdict === 'duplicate') return SUCCESS;
    // A dead letter already: the desk has seen to it.
    return {
      kind: 'acknowledge',
      reasonCode: verdict === 'invalid' ? 0x99 : 0x83,
      properties: { reason: `answer_${verdict}` },
    };
  }

  /** Dead letter, receipt, then the acknowledgement that stops the sender. */
  async #refuse(
    message: LinkMessage,
    topic: InboundTopic | undefined,
    code: string,
    detail: string,
    reasonCode: PubackReason,
  ): Promise<Outcome> {
    await this.#bury(message, topic, code, detail);
    if (topic !== undefined) this.#tell(message, topic, { kind: 'refused', code, detail });
    return { kind: 'acknowledge', reasonCode, properties: { verdict: 'rejected', reason: code } };
  }

  async #bury(
    { topic: source, payload: bytes, payloadBytes: size, caller, source: sender }: LinkMessage,
    topic: InboundTopic | undefined,
    code: string,
    detail: string,
  ): Promise<void> {
    const device = topic?.speaker ?? (caller?.kind === 'device' ? caller.id : undefined);
    if (caller === undefined && !this.parts.strangerLetters.allows(sender)) {
      this.#lettersNotKept += 1;
      return;
    }
    await this.parts.desk.deadLetter({
      source,
      ...(device === undefined ? {} : { device }),
      code,
      detail,
      bytes,
      ...(size === undefined ? {} : { size }),
    });
    this.#deadLetters += 1;
  }

  #tell(
    { payload, payloadBytes }: LinkMessage,
    { map, speaker }: InboundTopic,
    answer: Extract<IngestAnswer, { kind: 'items' | 'refused' }>,
  ): void {
    // A receipt names its message by the hash of all of it.
    const isNamed = speaker !== undefined && payloadBytes === undefined;
    const to = !isNamed ? undefined : this.parts.maps.receiptsTopic(map, speaker);
    if (to !== undefined) this.parts.receipts.tell(to, payload, answer);
  }
}

/** Withheld before refused before success: what was not kept must come again, whatever else the message said. */
function worse(a: Outcome, b: Outcome): Outcome {
  if (a.kind === 'withhold') return a;
  if (b.kind === 'withhold') return b;
  return a.reasonCode >= b.reasonCode ? a : b;
}

function isMalformed(error: unknown): error is PayloadError | JsonError | FormatError {
  return (
    error instanceof PayloadError || error instanceof JsonError || error instanceof FormatError
  );
}

/** By its name: the host may have another copy of the class. */
function isDeskRefusal(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && error.name === 'DeskRefusal' && 'code' in error;
}
