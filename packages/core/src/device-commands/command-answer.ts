import { timingSafeEqual } from 'node:crypto';
import type { MeterKey } from '../devices/meter.store.js';
import { strictBase64 } from '../devices/strict-base64.js';
import type { JsonObject } from '../spi/index.js';
import { z } from 'zod';
import type { Sha256 } from '../verify/contracts.js';
import { commandAnswerMessage } from '../verify/device-signing.js';
import { decodeJson, parseJson } from '../verify/json/parse.js';
import { canonicalJsonBytes } from '../verify/rfc8785.js';
import type { CommandAnswer, StoredCommand } from './device-command.js';

/** Most keys that are tried for an answer that names none: the newest epochs. */
const MAX_TRIED = 4;
/** Of an answer around its body: ids, nonce, signature. */
const FRAME_BYTES = 2_048;

const Answer = z.strictObject({
  id: z.string().min(1).max(64),
  /** Firmware that cannot sign may leave it out. */
  nonce: z.string().max(64).optional(),
  body: z.record(z.string(), z.unknown()).default({}),
  signature: z
    .strictObject({
      alg: z.string().max(32).optional(),
      key_id: z.string().max(64).optional(),
      value: z.string().max(1024),
    })
    .optional(),
});

/** Of firmware older than this project, to a lock: it knows no nonce, and what it signs is not known. */
const LockAnswer = z.looseObject({
  order_id: z.string().min(1).max(256),
  status: z.string().max(64),
  signature: z.unknown().optional(),
});

export interface GivenAnswer extends Omit<z.infer<typeof Answer>, 'id'> {
  /** Absent: it names the order. */
  readonly id?: string;
  readonly order?: string;
}

/** Why an answer is worth nothing. The code is stable; it goes with the dead letter. */
export class AnswerRefused extends Error {
  override readonly name = 'AnswerRefused';

  constructor(
    readonly code:
      | 'answer_unreadable'
      | 'answer_nonce'
      | 'answer_unsigned'
      | 'answer_signature'
      | 'answer_key_unknown',
    message: string,
  ) {
    super(message);
  }
}

/** The answer's members, read strictly. Throws `AnswerRefused`. */
export function readAnswer(bytes: Uint8Array, maxBodyBytes: number): GivenAnswer {
  if (bytes.length > maxBodyBytes + FRAME_BYTES)
    throw new AnswerRefused('answer_unreadable', `an answer of ${bytes.length} bytes is too long`);
  let value: unknown;
  try {
    const text = decodeJson(bytes);
    parseJson(text, 'i-json');
    value = JSON.parse(text);
  } catch (cause) {
    throw new AnswerRefused(
      'answer_unreadable',
      cause instanceof Error ? cause.message : 'no JSON',
    );
  }
  const old = isOldForm(value) ? LockAnswer.safeParse(value) : undefined;
  if (old?.success === true) {
    // The same answer whatever its signature, which a device may make anew each time.
    const { signature: _signature, ...body } = old.data;
    return { order: body.order_id, body };
  }
  const read = old ?? Answer.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new AnswerRefused(
    'answer_unreadable',
    `${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'it has another shape'}`,
  );
}

function isOldForm(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !('id' in value) && 'order_id' in value;
}

/** The answer if it is one of this device to this command. Throws `AnswerRefused`. */
export function checkAnswer(
  given: GivenAnswer,
  command: StoredCommand,
  parts: {
    readonly origin: string;
    readonly keys: readonly MeterKey[];
    readonly unsigned: 'refuse' | 'accept';
    readonly nowMs: number;
    readonly sha256: Sha256;
    readonly verify: (spki: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  },
): CommandAnswer {
  const { nowMs, sha256 } = parts;
  const body = given.body as JsonObject;
  const hash = sha256(canonicalJsonBytes(body));
  const { nonce, signature } = given;
  if (nonce !== undefined && !isSame(nonce, command.nonce))
    throw new AnswerRefused('answer_nonce', 'it does not repeat the nonce of the command');
  if (signature === undefined) {
    if (parts.unsigned === 'accept') return { body, hash, atMs: nowMs, assurance: 'unsigned' };
    throw new AnswerRefused(
      'answer_unsigned',
      'it has no signature; sign it with the key of the meter, or set devices.commands.unsignedAnswers',
    );
  }
  if (nonce === undefined)
    throw new AnswerRefused('answer_nonce', 'a signed answer repeats the nonce of the command');
  const value = strictBase64(signature.value);
  const keys = parts.keys.filter((key) => isLive(key, nowMs) && isNamed(key, signature));
  if (keys.length === 0)
    throw new AnswerRefused('answer_key_unknown', 'the meter has no such key that is valid now');
  const message = commandAnswerMessage(
    parts.origin,
    command.meterId,
    command.id,
    command.nonce,
    hash,
  );
  const by =
    value &&
    keys
      .toSorted((a, b) => b.epoch - a.epoch)
      .slice(0, MAX_TRIED)
      .find((key) => parts.verify(key.publicKey, message, value));
  if (by === undefined)
    throw new AnswerRefused(
      'answer_signature',
      "the signature is not the meter's over this answer",
    );
  return { body, hash, atMs: nowMs, assurance: 'device-signature', keyId: by.keyId };
}

function isLive({ validToMs, revokedAtMs }: MeterKey, nowMs: number): boolean {
  return nowMs < (validToMs ?? Infinity) && nowMs < (revokedAtMs ?? Infinity);
}

function isNamed(key: MeterKey, { alg, key_id: keyId }: NonNullable<GivenAnswer['signature']>) {
  return (keyId ?? key.keyId) === key.keyId && (alg ?? key.alg) === key.alg;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
