import { memberSpans, endOfValue, skipSpace, type Span } from './json-spans.js';
import { signatureOfDer } from '../verify/envelopes/index.js';
import { fromHex } from '../verify/bytes.js';
import { strictBase64 } from '../devices/strict-base64.js';
import type { EcdsaAlgorithm } from '../verify/ecdsa-rules.js';
import { closedMembers, stringField } from './envelope-fields.js';
import type { Envelope, EnvelopeSignature } from './envelope.js';
import { quoted, Refusal } from './refusal.js';

/** How a record begins. */
export const OCMF_HEAD = 'OCMF|';
const SIGNATURE_FIELDS = ['SA', 'SE', 'SM', 'SD'] as const;
/** Longest signature in DER, as base64 or hex. */
const MAX_SIGNATURE_LENGTH = 512;

/** Algorithms of table 22 that devices may use here. The 192-bit curves are too weak for a new key. */
const ALGORITHMS: Readonly<Record<string, EcdsaAlgorithm>> = {
  'ECDSA-secp256r1-SHA256': 'ES256',
  'ECDSA-secp256k1-SHA256': 'ES256K',
  'ECDSA-secp384r1-SHA256': 'ECDSA-secp384r1-SHA256',
  'ECDSA-brainpool256r1-SHA256': 'ECDSA-brainpool256r1-SHA256',
  'ECDSA-brainpool384r1-SHA256': 'ECDSA-brainpool384r1-SHA256',
  // Meters in the field write the curve's own name.
  'ECDSA-brainpoolP256r1-SHA256': 'ECDSA-brainpool256r1-SHA256',
  'ECDSA-brainpoolP384r1-SHA256': 'ECDSA-brainpool384r1-SHA256',
};

function invalid(what: string): Refusal {
  return new Refusal('ocmf_invalid', `the OCMF record ${what}`);
}

/**
 * `OCMF|payload|signature`: what stands between the first two bars is the document, exactly as it was received, white space
 * included; the signature is over those bytes. Which key it is of, the record does not say.
 */
export function readOcmf(record: string): Envelope | Refusal {
  if (!record.startsWith(OCMF_HEAD)) return invalid('does not begin with OCMF|');
  const start = OCMF_HEAD.length;
  const payload = objectEnd(record, start);
  if (payload === undefined || record[payload] !== '|')
    return invalid('has no JSON object with a bar behind it as its payload');
  const end = objectEnd(record, payload + 1);
  if (end === undefined || end !== record.length)
    return invalid('does not end with the JSON object of its signature');
  const signature = readSignature(record, { start: skipSpace(record, payload + 1), end });
  if (signature instanceof Refusal) return signature;
  const text = record.slice(start, payload);
  return { format: 'ocmf', content: { kind: 'document', text }, signature };
}

/** Behind the object that begins at `at` and the white space after it. */
function objectEnd(record: string, at: number): number | undefined {
  const first = skipSpace(record, at);
  if (record[first] !== '{') return undefined;
  const end = endOfValue(record, first);
  return end < 0 ? undefined : skipSpace(record, end);
}

function readSignature(record: string, { start, end }: Span): EnvelopeSignature | Refusal {
  let last = end;
  while (record[last - 1] !== '}') last -= 1;
  const all = memberSpans(record, start, last);
  if (all instanceof Refusal) return all;
  const members = closedMembers(all, SIGNATURE_FIELDS, 'the signature section');
  if (members instanceof Refusal) return members;
  const field = (name: (typeof SIGNATURE_FIELDS)[number], fallback?: string) =>
    members[name] === undefined ? fallback : stringField(record, members[name], name);
  const algorithm = field('SA', 'ECDSA-secp256r1-SHA256');
  const encoding = field('SE', 'hex');
  const mime = field('SM', 'application/x-der');
  const data = field('SD');
  for (const one of [algorithm, encoding, mime, data]) if (one instanceof Refusal) return one;
  if (mime !== 'application/x-der') return invalid('has a signature that is not in DER');
  if (typeof data !== 'string' || data.length > MAX_SIGNATURE_LENGTH)
    return invalid('has no SD, or one that is too long');
  const name = typeof algorithm === 'string' ? algorithm : '';
  const alg = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (alg === undefined)
    return new Refusal(
      'alg_not_allowed',
      `the OCMF record is signed with ${quoted(name)}; taken are ${Object.keys(ALGORITHMS).join(', ')}`,
    );
  const der =
    encoding === 'hex'
      ? /^(?:[0-9A-Fa-f]{2})+$/.test(data)
        ? fromHex(data)
        : undefined
      : encoding === 'base64'
        ? strictBase64(data)
        : undefined;
  const value = der === undefined ? undefined : signatureOfDer(alg, der);
  if (value === undefined)
    return invalid('has an SD that is not an ECDSA signature in DER, in hex or as SE says');
  return { alg, value };
}
