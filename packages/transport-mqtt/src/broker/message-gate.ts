import type { Caller, PluginContext } from '@wattproof/core/spi';
import type { LinkMessage, Outcome, TakeMessage } from '../link.js';
import type { TopicRights } from './topic-rights.js';

/** A store that cannot be asked is asked again. */
const RETRY_MS = 1_000;

/** Between a device and what takes its messages: whether its key still counts, and whether it may speak there. */
export class MessageGate {
  constructor(
    private readonly rights: TopicRights,
    private readonly context: PluginContext,
    private readonly takeMessage: TakeMessage,
    private readonly count: (code: string) => void,
  ) {}

  /** Rejects when the store cannot be asked. */
  async isValid(caller: Caller | undefined): Promise<boolean> {
    return caller === undefined || (await this.context.callers?.isValid(caller)) === true;
  }

  /** Never rejects. Resolves after the commit. `revoked`: the key is worth nothing any more, and the message was not taken. */
  async take(message: LinkMessage): Promise<Outcome | 'revoked'> {
    if (message.qos === 0) this.count('qos0');
    try {
      if (!(await this.isValid(message.caller))) return 'revoked';
      const foreign = await this.rights.foreignSpeaker(message.caller, message.topic);
      if (foreign !== undefined) return await this.#refuseForeign(message, foreign);
    } catch (error) {
      this.context.logger.warn('The rights of a device could not be checked.', { error });
      this.count('withheld');
      return { kind: 'withhold', why: 'store_unavailable', retryAfterMs: RETRY_MS };
    }
    const outcome = await this.takeMessage(message);
    this.count(outcome.kind === 'acknowledge' ? 'acknowledged' : 'withheld');
    return outcome;
  }

  /** A device that speaks for another: kept where somebody sees it, and acknowledged, or it would come again for ever. */
  async #refuseForeign(
    { topic, payload, payloadBytes, caller }: LinkMessage,
    device: string,
  ): Promise<Outcome> {
    this.count('not_the_device');
    await this.context.desk?.deadLetter({
      source: topic,
      ...(caller?.kind === 'device' ? { device: caller.id } : {}),
      code: 'not_the_device',
      detail: `The topic speaks for "${device}", and ${caller?.id ?? 'nobody'} does not. Publish on topics of the device whose key is used.`,
      bytes: payload,
      ...(payloadBytes === undefined ? {} : { size: payloadBytes }),
    });
    const properties = { verdict: 'rejected', reason: 'not_the_device' };
    return { kind: 'acknowledge', reasonCode: 0x87, properties };
  }
}
