import { readOcmf } from '../../ingestion/ocmf-envelope.js';
import { Refusal } from '../../ingestion/refusal.js';
import { fromBase64, toHex, utf8 } from '../../verify/bytes.js';
import { signedMessage } from '../../verify/device-signing.js';
import { verifyEcdsa } from '../../verify/ecdsa.js';
import { readDocument } from '../../verify/formats/default-formats.js';
import { FormatError, type ReadingFacts } from '../../verify/formats/format.js';
import { decodeSpki } from '../../verify/spki.js';
import { compare, each, unknownGroups, type VectorResult } from './vector-case.js';

/** Records of the Open Charge Metering Format and what becomes of them. */
export interface OcmfRecordsFile {
  readonly records: readonly {
    readonly name: string;
    readonly record: string;
    /** Base64 of SPKI DER. */
    readonly public_key: string;
    readonly signature_valid: boolean;
    /** `accepted`, or the code of the first refusal. */
    readonly verdict: string;
    readonly reading?: {
      readonly meter_id: string;
      readonly start: string;
      readonly end: string;
      readonly time_status: string;
      readonly sequence: string | null;
      readonly energies: readonly { readonly register: string; readonly energy_uwh: string }[];
    };
  }[];
}

/** What the product makes of a record under a key: `accepted` or a code, and what was read. */
export function judgeRecord(
  record: string,
  publicKey: string,
): { readonly verdict: string; readonly reading?: ReadingFacts } {
  const envelope = readOcmf(record);
  if (envelope instanceof Refusal) return { verdict: envelope.code };
  const { content, signature } = envelope;
  if (content.kind !== 'document' || signature === undefined) return { verdict: 'unsigned' };
  let reading: ReadingFacts | undefined;
  try {
    const document = readDocument('ocmf', content.text);
    if (toHex(document.bytes) !== toHex(utf8(content.text))) return { verdict: 'rewritten' };
    reading = document.reading;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { verdict: error.code };
  }
  if (reading === undefined) return { verdict: 'no_reading' };
  const key = decodeSpki(fromBase64(publicKey));
  const { alg, value } = signature;
  if (key === undefined || key.alg === 'Ed25519' || key.alg !== alg)
    return { verdict: 'alg_not_allowed', reading };
  const message = signedMessage('ocmf', '', utf8(content.text));
  const isValid = verifyEcdsa(key.alg, value, message, key.key);
  return { verdict: isValid ? 'accepted' : 'signature_invalid', reading };
}

function factsJson({ meterId, startsMs, endsMs, timeStatus, sequence, energies }: ReadingFacts) {
  return {
    meter_id: meterId,
    start: new Date(startsMs).toISOString(),
    end: new Date(endsMs).toISOString(),
    time_status: timeStatus,
    sequence: sequence === undefined ? null : String(sequence),
    energies: energies.map(({ register, energyUWh }) => ({
      register,
      energy_uwh: String(energyUWh),
    })),
  };
}

export function* run(file: unknown): Generator<VectorResult> {
  const { records } = file as OcmfRecordsFile;
  yield* each('records', records, function* (one) {
    yield compare(
      `${one.name}: verdict`,
      one.verdict,
      () => judgeRecord(one.record, one.public_key).verdict,
    );
    if (one.reading !== undefined)
      yield compare(`${one.name}: reading`, one.reading, () =>
        factsJson(judgeRecord(one.record, one.public_key).reading!),
      );
  });
  yield* unknownGroups(file, ['records']);
}
