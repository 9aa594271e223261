import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import { canonicalJsonBytes } from '../rfc8785.js';
import type { ClosedSchema } from './closed-object.js';
import { checkClosedObject, count, oneOf, optional, required, text } from './closed-object.js';
import { SIGNATURE_ALGORITHMS } from '../spki.js';
import type { DocumentCodec } from './codec.js';
import { UTC_MS_FORM, utcMilliseconds } from './utc-milliseconds.js';

const instant = (value: JsonTree): string | undefined =>
  typeof value === 'string' && utcMilliseconds(value) !== undefined ? undefined : UTC_MS_FORM;
/** Names and sentences: printable, bounded. */
const words = text(/^[^\p{Cc}]{1,1024}$/u, 'a string of 1 to 1024 characters without controls');
/** C2SP signed-note verifier key: `<name>+<8 hex digits>+<base64>`. */
const vkey = text(/^[^\s+]{1,512}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/, 'a C2SP verifier key');
const facts = (value: JsonTree): string | undefined => {
  const flat =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item !== 'object' || item === null);
  return flat ? undefined : 'an object of strings, numbers, booleans and nulls';
};

/** A format the gateway writes itself: RFC 8785 over a closed schema. */
function systemFormat(name: string, members: ClosedSchema): DocumentCodec {
  const schema: ClosedSchema = Object.freeze({ v: required(oneOf(name)), ...members });
  return Object.freeze({
    name,
    system: true,
    read(json: string) {
      const document = checkClosedObject(parseJson(json, 'exact'), schema);
      return { format: name, bytes: canonicalJsonBytes(document) };
    },
  });
}

/** A new key of the log, announced under the old one (`previous`; absent for the first key). */
export const logKey = systemFormat('log-key/1', {
  origin: required(words),
  role: required(oneOf('checkpoint', 'receipts', 'ledger')),
  vkey: required(vkey),
  previous: optional(vkey),
  announced_at: required(instant),
});

/** The content of an entry was erased; its leaf stays where it was. */
export const erasure = systemFormat('erasure/1', {
  entry: required(words),
  batch: optional(count),
  index: optional(count),
  reason: required(words),
  actor: optional(words),
  erased_at: required(instant),
});

/** Who did what to what, when. */
export const audit = systemFormat('audit/1', {
  actor: required(words),
  action: required(words),
  subject: required(words),
  detail: optional(facts),
  at: required(instant),
});

const keyId = text(/^[0-9a-f]{16}$/, '16 lower-case hex digits');
const base64 = text(/^[A-Za-z0-9+/]{40,512}={0,2}$/, 'base64');

/** A key of a meter, and what became of it: together these entries say which key spoke for which meter when. */
export const deviceKey = systemFormat('device-key/1', {
  event: required(
    oneOf(
      'registered',
      'rotated',
      'revoked',
      'recovery-asked',
      'recovery-approved',
      'recovery-rejected',
      'proven',
      'corrected',
    ),
  ),
  meter: required(words),
  key_id: required(keyId),
  alg: optional(oneOf(...SIGNATURE_ALGORITHMS)),
  public_key: optional(base64),
  epoch: optional(count),
  valid_from: optional(instant),
  change: optional(words),
  previous: optional(keyId),
  previous_until: optional(instant),
  recovery: optional(words),
  expires_at: optional(instant),
  reason: optional(words),
  /** An operator's word instead of the device's signature, and where the key was read. */
  proof: optional(oneOf('operator')),
  read_from: optional(words),
  /** The reading that a stated key signed first. */
  entry: optional(words),
  actor: required(words),
  at: required(instant),
});

const hash = text(/^[0-9a-f]{64}$/, '64 lower-case hex digits');

/** What a detector found in one register of a reading: the hash of the finding, and none of its figures. */
export const finding = systemFormat('finding/1', {
  reading: required(hash),
  register: required(words),
  detector: required(words),
  version: required(count),
  config: required(hash),
  code: required(text(/^[a-z0-9_]{1,64}$/, 'a code of a-z, 0-9 and _')),
  action: required(oneOf('flag', 'quarantine')),
  finding: required(hash),
});

const decimal = text(/^(?:0|[1-9]\d{0,18})$/, 'a decimal string of µWh');
const CLAIM_LINE: ClosedSchema = Object.freeze({
  meter: required(words),
  register: required(words),
  class: required(oneOf('energy', 'attribute')),
  start: required(instant),
  end: required(instant),
  energy_uwh: required(decimal),
});
const claimLines = (value: JsonTree): string | undefined => {
  const what = 'a list of lines';
  if (!Array.isArray(value) || value.length === 0) return what;
  for (const line of value as readonly JsonTree[]) checkClosedObject(line, CLAIM_LINE);
  return undefined;
};

/** Measured energy that was used, and for what. */
export const claim = systemFormat('claim/1', {
  purpose: required(words),
  key: required(words),
  lines: required(claimLines),
  at: required(instant),
});
