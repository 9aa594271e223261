import type { DeviceDesk } from '@wattproof/core/spi';
import { JsonError } from '@wattproof/core/verify';
import { type ClientMessage, MessageFault } from './client-message.js';
import { readAlert, readStatus } from './device-report.js';
import type { ServerMessage } from './server-message.js';

/** What `DeviceDesk.answered` does not take, told to the device; each is a dead letter already. */
const REFUSED_ANSWERS = {
  late: 'The deadline of the command has passed.',
  unknown: 'There is no such command.',
  invalid: 'The answer is not as the command asks, or its signature is not valid.',
} as const;

/**
 * Hands in what a device says besides readings; resolves, when it is durable, to what the device is told. Rejects when nothing was
 * kept for now.
 */
export async function handToDesk(
  desk: DeviceDesk,
  device: string,
  message: Extract<ClientMessage, { type: 'status' | 'alert' | 'answer' }>,
  nowMs: number,
): Promise<ServerMessage> {
  const { id, body } = message;
  try {
    if (message.type === 'answer') {
      const outcome = await desk.answered(device, body);
      if (outcome === 'accepted' || outcome === 'duplicate') return { type: 'ack', id, outcome };
      return { type: 'nack', id, code: `answer_${outcome}`, detail: REFUSED_ANSWERS[outcome] };
    }
    if (message.type === 'alert') {
      const kept = await desk.alert(readAlert(device, body, nowMs));
      const outcome = kept.duplicate ? 'duplicate' : 'accepted';
      return { type: 'ack', id, outcome, alert: kept.id };
    }
    const { presence, telemetry } = readStatus(device, body, nowMs);
    if (presence !== undefined) await desk.presence(presence);
    if (telemetry !== undefined) await desk.telemetry(telemetry);
    return { type: 'ack', id, outcome: 'accepted' };
  } catch (error) {
    const code = refusedBy(error);
    if (code === undefined) throw error;
    const detail = (error as Error).message;
    return { type: 'nack', id, code, detail };
  }
}

/** The code of what is refused for good; undefined when it may be taken later. */
function refusedBy(error: unknown): string | undefined {
  if (error instanceof MessageFault || error instanceof JsonError) return error.code;
  // By its name: a plugin may have another copy of the class.
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return name === 'DeskRefusal' && typeof code === 'string' ? code : undefined;
}
