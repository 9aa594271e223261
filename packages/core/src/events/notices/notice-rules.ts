import type { DomainEvent, JsonObject } from '../../spi/index.js';
import type { NewNotice } from './notice.store.js';

/** Whose notices are the operators'. */
export const OPERATION = 'admin';

/** What one kind of event is told as. Undefined: this one is told to nobody. */
interface NoticeRule {
  /** Default: the account the event concerns. */
  readonly to?: (data: JsonObject) => unknown;
  /** What is alike until it is read; default: type and meter. */
  readonly topic?: (data: JsonObject) => readonly unknown[];
  readonly text: (data: JsonObject) => string | undefined;
}

const operators = (): string => OPERATION;
const because = ({ reason }: JsonObject): string =>
  typeof reason === 'string' ? ` (${reason})` : '';

/** Which events are told to whom, and how. What is not here is no notice. */
const NOTICE_RULES: Readonly<Record<string, readonly NoticeRule[]>> = {
  'meter.claimed': [
    {
      text: ({ meter }) =>
        `Somebody else tried to register your meter ${say(meter)}. It was refused and nothing changed; tell the operator if it was not you.`,
    },
  ],
  'meter.state': [
    {
      topic: ({ meter, to }) => [meter, to],
      text: ({ meter, to, reason }) =>
        `Your meter ${say(meter)} is now ${say(to)}${because({ reason: reason ?? null })}.${to === 'suspended' ? ' Its readings are refused and its energy is frozen until an operator has looked at it.' : ''}`,
    },
  ],
  'meter.minting_suspended': [
    {
      text: (data) =>
        `Nothing of your meter ${say(data['meter'])} may be minted, certified or sold until an operator has looked at it${because(data)}. Its readings are still taken.`,
    },
    {
      to: operators,
      text: (data) =>
        `Minting of meter ${say(data['meter'])} is suspended${because(data)}; it waits for you.`,
    },
  ],
  'meter.minting_resumed': [
    {
      text: ({ meter }) =>
        `What your meter ${say(meter)} measures may be minted, certified and sold again.`,
    },
  ],
  'meter.key_rotated': [
    {
      text: ({ meter, key_id: key }) =>
        `Your meter ${say(meter)} signs with another key (${say(key)}). The key before it agreed; tell the operator if you did not.`,
    },
  ],
  'meter.key_revoked': [
    {
      topic: ({ meter, key_id: key }) => [meter, key],
      text: ({ meter, key_id: key, reason }) =>
        `Key ${say(key)} does not sign for your meter ${say(meter)} any more${because({ reason: reason ?? null })}.`,
    },
  ],
  'meter.key_corrected': [
    {
      text: ({ meter, key_id: key, previous, reason }) =>
        `An operator says that the key of your meter ${say(meter)} is ${say(key)}, and that ${say(previous)} was read wrongly${because({ reason: reason ?? null })}.`,
    },
  ],
  'meter.key_recovery_asked': [
    {
      topic: ({ recovery }) => [recovery],
      text: ({ meter, expires_at: expires }) =>
        `Somebody asked for a new key for your meter ${say(meter)}, without its old one, until ${say(expires)}. An operator decides; object if it was not you.`,
    },
    {
      to: operators,
      topic: ({ recovery }) => [recovery],
      text: ({ meter, expires_at: expires }) =>
        `A new key is asked for meter ${say(meter)}, whose old one is lost; it waits for you until ${say(expires)}.`,
    },
  ],
  'meter.key_recovery_approved': [
    {
      topic: ({ recovery }) => [recovery],
      text: ({ meter, key_id: key }) =>
        `Your meter ${say(meter)} has a new key (${say(key)}), as was asked.`,
    },
  ],
  'meter.key_recovery_rejected': [
    {
      topic: ({ recovery }) => [recovery],
      text: ({ meter }) =>
        `The new key that was asked for your meter ${say(meter)} was turned down.`,
    },
  ],
  'meter.transfer_offered': [
    {
      topic: ({ transfer }) => [transfer],
      text: ({ meter, expires_at: expires }) =>
        `Meter ${say(meter)} is offered to you${typeof expires === 'string' ? ` until ${expires}` : ''}. Accept it to become its owner.`,
    },
  ],
  'meter.transfer_accepted': [
    {
      topic: ({ transfer }) => [transfer],
      text: ({ meter }) => `Your offer of meter ${say(meter)} was accepted.`,
    },
  ],
  'meter.transfer_withdrawn': [
    {
      topic: ({ transfer }) => [transfer],
      text: ({ meter }) => `The offer of meter ${say(meter)} was withdrawn or turned down.`,
    },
  ],
  'reading.contested': [
    {
      topic: ({ meter, held }) => [meter, held],
      text: ({ meter, held }) =>
        held === true
          ? `A reading of yours of meter ${say(meter)} is held for review: somebody else has one within 15 minutes of it.`
          : `Somebody else sent a reading of meter ${say(meter)} within 15 minutes of yours. Yours stands; theirs is held for review.`,
    },
  ],
  'reading.quarantined': [
    {
      topic: ({ meter, reason }) => [meter, reason],
      // What is contested, and what a review turned down, is told as that.
      text: (data) =>
        data['reason'] === 'review_rejected' || data['reason'] === 'cross_owner_duplicate'
          ? undefined
          : data['reason'] === 'sequence_equivocation'
            ? `Your meter ${say(data['meter'])} gave one sequence number to two different readings. Both are kept as evidence.`
            : `A reading of meter ${say(data['meter'])} is held for review${because(data)}. It counts nothing until an operator lets it in.`,
    },
    {
      to: operators,
      topic: ({ reason }) => [reason],
      text: (data) =>
        data['reason'] === 'review_rejected'
          ? undefined
          : `Readings wait in the quarantine inbox${because(data)}.`,
    },
  ],
  'reading.flagged': [
    {
      topic: ({ meter, reason }) => [meter, reason],
      text: (data) =>
        `A reading of meter ${say(data['meter'])} looks unusual${because(data)}. It counts all the same.`,
    },
  ],
  'reading.released': [
    {
      topic: ({ entry }) => [entry],
      text: (data) =>
        `A reading of meter ${say(data['meter'])} that was held has been let in${because(data)}. It counts.`,
    },
  ],
  'reading.rejected': [
    {
      topic: ({ entry }) => [entry],
      text: (data) =>
        `A reading of meter ${say(data['meter'])} that was held has been turned down${because(data)}. It counts nothing.`,
    },
  ],
  'device.alert': [
    {
      topic: ({ alert }) => [alert],
      text: ({ device, severity, code, text }) =>
        `Device ${say(device)} raised the alarm (${say(severity)}, ${say(code)}): ${say(text)}. It is in state alarm until somebody clears it.`,
    },
    {
      to: operators,
      topic: ({ alert }) => [alert, 'operators'],
      // Of a device that is nobody's they have heard already.
      text: ({ account, severity, device, code, text }) =>
        severity !== 'critical' || account === OPERATION
          ? undefined
          : `Device ${say(device)} raised the alarm (critical, ${say(code)}): ${say(text)}.`,
    },
  ],
  'energy.shortfall': [
    {
      text: ({ meter }) =>
        `A correction of meter ${say(meter)} left less energy than had been used. Nothing more of those intervals can be used.`,
    },
    {
      to: operators,
      text: ({ meter }) => `A correction left a shortfall at meter ${say(meter)}.`,
    },
  ],
  'anchor.reorged': [
    {
      to: operators,
      topic: ({ anchor }) => [anchor],
      text: ({ anchor, size }) =>
        `Checkpoint ${say(size)} is no longer on ledger ${say(anchor)}; it is published again.`,
    },
  ],
  'anchor.failed': [
    {
      to: operators,
      topic: ({ anchor }) => [anchor],
      text: ({ anchor, size }) =>
        `Checkpoint ${say(size)} could not be published on ${say(anchor)}. See GET /api/v1/anchors.`,
    },
  ],
  'anchor.alert': [
    {
      to: operators,
      topic: ({ anchor, alert }) => [anchor, alert],
      text: ({ anchor, alert, detail }) =>
        `Anchor ${say(anchor)} needs a person (${say(alert)}): ${say(detail)}.`,
    },
  ],
  'webhook.failing': [
    {
      topic: ({ webhook }) => [webhook],
      text: ({ webhook, since, error }) =>
        `Your webhook ${say(webhook)} has taken nothing since ${say(since)} (${say(error)}). Deliveries have been given up; replay them when it is back.`,
    },
  ],
  'webhook.disabled': [
    {
      topic: ({ webhook }) => [webhook],
      text: ({ webhook, since }) =>
        `Your webhook ${say(webhook)} has taken nothing since ${say(since)} and is disabled. Make it active again, then replay what it missed.`,
    },
  ],
  'webhook.missed': [
    {
      topic: ({ webhook }) => [webhook],
      text: ({ webhook }) =>
        `The queue of your webhook ${say(webhook)} is full. Events are no longer queued for it until there is room; replay the time.`,
    },
  ],
};

/** Types that become notices. */
export const NOTICE_TYPES: readonly string[] = Object.keys(NOTICE_RULES);

/** What an event is told as. What was erased meanwhile is told to nobody. */
export function noticesOf({ id, type, atMs, data }: DomainEvent): readonly NewNotice[] {
  if (data['erased'] === true) return [];
  return (NOTICE_RULES[type] ?? []).flatMap((rule) => {
    const accountId = (rule.to ?? (({ account }) => account))(data);
    const text = rule.text(data);
    if (typeof accountId !== 'string' || text === undefined) return [];
    const { account: _account, entry, ...rest } = data;
    const topic = [type, ...(rule.topic ?? (({ meter }) => [meter]))(data)];
    return [
      {
        eventId: id,
        accountId,
        topic: JSON.stringify(topic),
        type,
        text,
        atMs,
        data: entry === undefined ? rest : { ...rest, entry },
        ...(typeof entry === 'string' ? { entryId: entry } : {}),
      },
    ];
  });
}

/** Values in a sentence: ids are as long as they are, and nobody needs all of them; none turns the sentence around. */
function say(value: unknown): string {
  const said = typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
  const text = said.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, '\u{fffd}');
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}
