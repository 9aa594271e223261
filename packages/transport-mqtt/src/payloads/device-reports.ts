import type { InboundTopic } from '../topics/topic-maps.js';
import type { Act } from './act.js';
import { SentObject } from './json-object.js';
import { PayloadError } from './payload-error.js';

const STATES = ['online', 'offline'] as const;
const SEVERITIES = ['info', 'warning', 'critical'] as const;

/**
 * Our own status: `{"state":"online"|"offline","at"?,"will"?,"available_kwh"?,…}`. With a state it is presence, and a last will says
 * `"will":true`; what else is in it is telemetry.
 */
export function readStatus(payload: Uint8Array, topic: InboundTopic, nowMs: number): Act[] {
  const sent = SentObject.of(payload);
  const device = topic.speaker!;
  const acts: Act[] = [];
  const at = sent.instantMs('at');
  const state = sent.text('state');
  if (state !== undefined)
    acts.push({
      kind: 'presence',
      change: {
        device,
        state: oneOf(STATES, state, 'state'),
        // A will was written when the device came; the time it has nothing to do with its going.
        why: sent.flag('will') ? 'will' : 'status',
        atMs: sent.flag('will') ? nowMs : (at ?? nowMs),
      },
    });
  const body = sent.body(['state', 'at', 'will']);
  if (Object.keys(body).length > 0) {
    const availableEnergyUWh = sent.energyUWh('available_kwh');
    acts.push({
      kind: 'telemetry',
      report: {
        device,
        atMs: at ?? nowMs,
        ...(availableEnergyUWh === undefined ? {} : { availableEnergyUWh }),
        body,
      },
    });
  }
  if (acts.length === 0)
    throw new PayloadError('status_empty', 'A status has a "state" or something to report.');
  return acts;
}

/** Our own alert: `{"code","text"?,"severity"?,"at"?,…}`; without a severity it is a warning. */
export function readAlert(payload: Uint8Array, topic: InboundTopic, nowMs: number): Act[] {
  const sent = SentObject.of(payload);
  const code = sent.text('code');
  if (code === undefined) throw new PayloadError('alert_code_missing', 'An alert needs a "code".');
  const alert = {
    device: topic.speaker!,
    severity: oneOf(SEVERITIES, sent.text('severity') ?? 'warning', 'severity'),
    code,
    text: sent.text('text') ?? code,
    atMs: sent.instantMs('at') ?? nowMs,
    body: sent.body(),
  };
  return [{ kind: 'alert', alert }];
}

/** An answer to a command, as it came: its signature is over it. */
export function readAnswer(payload: Uint8Array, topic: InboundTopic): Act[] {
  return [{ kind: 'answer', device: topic.speaker!, bytes: payload }];
}

function oneOf<Word extends string>(words: readonly Word[], text: string, name: string): Word {
  const word = words.find((one) => one === text);
  if (word === undefined)
    throw new PayloadError('member_invalid', `"${name}" must be one of ${words.join(', ')}.`);
  return word;
}
