import { z } from 'zod';
import { MeterLocation } from './meter-location.js';
import { strictBase64 } from './strict-base64.js';

/** Longest id, in UTF-8 bytes. */
const MAX_ID_BYTES = 256;

/**
 * Ids are lines of signed messages, and what an operator reads when approving: two that look alike must not differ in
 * what nobody sees. Controls, format characters (zero width, direction, byte order mark), private use, half surrogates.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|^\s|\s$/u;

const id = z
  .string()
  .min(1)
  .refine(
    (text) => Buffer.byteLength(text) <= MAX_ID_BYTES,
    `must be at most ${MAX_ID_BYTES} bytes`,
  )
  .refine(
    (text) => !INVISIBLE.test(text),
    'must not contain control or invisible characters, nor white space at an end',
  )
  .refine((text) => text === text.normalize('NFC'), 'must be in Unicode normal form NFC')
  .refine(
    (text) => text !== '.' && text !== '..',
    'must not be "." or "..", which no URL can name',
  );

// The parts of a nameplate are hashed with bars between them: with one inside, two meters would be one.
const part = id.refine((text) => !text.includes('|'), 'must not contain "|"');

/** Registers one meter may have. */
const MAX_REGISTERS = 16;
/** Longest name of a register, in UTF-8 bytes. */
const MAX_REGISTER_BYTES = 64;

/** What the registers of a meter measure; `checkedRegisters` says whether they go together. */
export const MeterRegisters = z
  .array(
    z.strictObject({
      name: id.refine(
        (text) => Buffer.byteLength(text) <= MAX_REGISTER_BYTES,
        `must be at most ${MAX_REGISTER_BYTES} bytes`,
      ),
      direction: z.string().max(64),
      credits: z.array(z.string().max(64)).max(8).optional(),
    }),
  )
  .min(1)
  .max(MAX_REGISTERS);

const base64 = z
  .string()
  .max(1024)
  .transform((text, context) => {
    const bytes = strictBase64(text);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: 'must be padded base64 (RFC 4648 §4)' });
    return z.NEVER;
  });

/** Body of `POST /api/v1/meters/register`. */
export const MeterRegistration = z.strictObject({
  meter_id: id,
  device_id: id.optional(),
  site_id: id.optional(),
  owner: id.optional(),
  /** Base64 of SPKI DER. */
  public_key: base64,
  alg: z.string(),
  /** Checked when given; otherwise computed. */
  key_id: z.string().optional(),
  proof_of_possession: z.strictObject({
    /** From `POST /api/v1/meters/challenge`. */
    nonce: z.string().min(1).max(128),
    /** Base64 of the signature over `registerMessage(origin, meter_id, key_id, nonce)`. */
    signature: base64,
  }),
  /** Rated power in watts. */
  rating_w: z.number().int().positive().max(1_000_000_000_000).optional(),
  /** Vendor, model and serial number as printed on the meter: its identity under any id. */
  nameplate: z.strictObject({ vendor: part, model: part, serial: part }).optional(),
  /** What each register measures. Without it: `generation`, and `import` or `consumption`. */
  registers: MeterRegisters.optional(),
  /** Kept coarsely: see `MeterLocation`. */
  location: MeterLocation.optional(),
});
export type MeterRegistration = z.infer<typeof MeterRegistration>;

/** Body of `POST /api/v1/admin/meters`: a meter whose device cannot sign a challenge, on the word of an operator. */
export const MeterStatement = MeterRegistration.omit({ proof_of_possession: true }).extend({
  /** Whose meter it is. */
  account_id: id,
  proof: z.literal('operator'),
  /** Where the operator read the key, such as `label` or `QR code`. */
  read_from: id,
});

/** Body of `POST /api/v1/admin/meters/allowlist`. */
export const MeterAllowance = z.strictObject({
  meter_ids: z.array(id).min(1).max(1000),
  /** False takes them off the list; meters that registered meanwhile stay registered. */
  allowed: z.boolean().default(true),
});

const instant = z.iso
  .datetime({ offset: true })
  .max(40)
  .transform((text) => Date.parse(text));

/** Body of `POST /api/v1/meters/{id}/transfer`. */
export const TransferOffer = z.strictObject({
  to_account: id,
  /** The new owner's first millisecond; absent: the moment of acceptance. */
  effective_at: instant.optional(),
  /** Until when it can be accepted; absent: `devices.transferTtlMs` from now. */
  expires_at: instant.optional(),
});

/** Body of `POST /api/v1/meters/{id}/transfer/accept`. */
export const TransferAcceptance = z.strictObject({
  /** Of the offer as it was read: another one is not accepted unseen. */
  transfer_id: z.string().min(1).max(128),
  /** As the new owner wants to be called. */
  owner: id.optional(),
});

/** Body of `POST /api/v1/admin/meters/{id}/registers`. */
export const RegistersChange = z.strictObject({ registers: MeterRegisters });

/** What is wrong with a body, member by member. */
export function problemsOf(error: {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): string {
  return error.issues
    .slice(0, 8)
    .map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`)
    .join('; ');
}
