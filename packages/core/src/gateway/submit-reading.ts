import type { Principal } from '../accounts/access.js';
import { seesEveryAccount } from '../accounts/access.js';
import type { UserService } from '../accounts/user.service.js';
import type { DevicesConfig } from '../devices/devices.config.js';
import { type MeterOwner, ownerAt } from '../devices/meter-ownership.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import { strictBase64 } from '../devices/strict-base64.js';
import type { ListedReading } from '../energy-ledger/reading-list.store.js';
import type { IngestionMessage } from '../ingestion/admit.js';
import type { IngestionConfig } from '../ingestion/ingestion.config.js';
import type { IngestionAnswer, IngestionService } from '../ingestion/ingestion.service.js';
import type { IngestItem } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { fromBase58 } from '../verify/base58.js';
import { decimalOf } from '../verify/json/number-literal.js';
import type { ReadDocument } from '../ingestion/read-item.js';

/** The message GridTokenX meters sign; what is submitted is brought into it. */
export const SUBMITTED_FORMAT = 'gridtokenx-meter/1';

const SIGNATURE_BYTES = 64;
/** Keys of a meter that are tried, newest first: a message does not say which one signed it. */
const MAX_KEYS_TRIED = 8;
const DAY_MS = 86_400_000;

/** Body of `POST /api/v1/meters/submit`, as it came: the amount by its literal, the timestamp verbatim. */
export interface SubmittedReading {
  readonly wallet: string;
  readonly kwhLiteral: string;
  readonly timestamp: string;
  readonly meterId?: string;
  /** 64 bytes in base58 as Solana writes them, or in base64. */
  readonly signature?: string;
}

export type SubmissionCode =
  | 'meter_id_required'
  | 'meter_signature_invalid'
  | 'meter_not_owned'
  | 'energy_out_of_range'
  | 'device_signature_required';

/** Why a submission was refused before it came to ingestion. */
export class SubmissionError extends Error {
  override readonly name = 'SubmissionError';

  constructor(
    readonly code: SubmissionCode,
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type SubmissionAnswer =
  | {
      readonly kind: 'item';
      readonly item: IngestItem;
      /** Absent when nothing was kept. */
      readonly reading?: ListedReading;
    }
  | Exclude<IngestionAnswer, { kind: 'items' }>;

/**
 * One reading submitted as GridTokenX's clients do: by wallet, amount and time. The meter's message is rebuilt from the
 * request's own literals and goes the way of every reading: nothing is believed that its signature does not say.
 */
export class ReadingSubmission {
  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly users: UserService;
      readonly ingestion: IngestionService;
      readonly signatures: SignatureVerifier;
      readonly readDocument: ReadDocument;
      readonly devices: Pick<DevicesConfig, 'unsigned'>;
      readonly limits: Pick<IngestionConfig, 'energy' | 'time'>;
    },
  ) {}

  /** Throws `SubmissionError`, and `FormatError` when the message cannot be rebuilt. */
  async submit(
    submitted: SubmittedReading,
    sender: IngestionMessage,
    caller?: Principal,
  ): Promise<SubmissionAnswer> {
    const { store, ingestion, devices } = this.parts;
    const { signature } = submitted;
    if (decimalOf(submitted.kwhLiteral).negative)
      throw new SubmissionError('energy_out_of_range', 422, 'kWh amount must be positive');
    const value = signature === undefined ? undefined : signatureBytes(signature);
    // Who proves nothing is not told whose wallet has a meter here.
    const isKnown = caller !== undefined || sender.certified !== undefined;
    if (value === undefined && !isKnown && devices.unsigned === 'require')
      throw new SubmissionError(
        'device_signature_required',
        401,
        'readings must carry the signature of a registered device key: send meter_signature',
      );
    const meterId = submitted.meterId ?? (await this.onlyMeterOf(submitted.wallet));
    const meter = await store.meters.get(meterId);
    const document = documentOf(submitted, meterId);
    const signed =
      value === undefined || meter === undefined
        ? undefined
        : this.signerOf(meter, document, value);
    const owner = meter && this.ownerOf(meter, document);
    const isProven =
      signed?.isProven ?? (mayActFor(caller, meterId, owner) || isKeyOf(sender.certified, meter));
    if (submitted.meterId === undefined && !isProven) throw meterIdRequired();
    if (isProven && owner !== undefined) await this.checkWallet(submitted.wallet, owner);
    const envelope = {
      format: SUBMITTED_FORMAT,
      document,
      ...(value === undefined
        ? {}
        : {
            signature: {
              alg: signed?.alg ?? 'Ed25519',
              key_id: signed?.keyId ?? '0'.repeat(16),
              value: Buffer.from(value).toString('base64'),
            },
          }),
    };
    const answer = await ingestion.accept({
      ...sender,
      contentType: 'application/json',
      bytes: Buffer.from(JSON.stringify(envelope), 'utf8'),
    });
    if (answer.kind !== 'items') return answer;
    const item = this.worded(answer.items[0]!, submitted.kwhLiteral);
    const reading =
      item.id === null ? undefined : await store.readingList.get(item.id, [SUBMITTED_FORMAT]);
    return { kind: 'item', item, ...(reading === undefined ? {} : { reading }) };
  }

  /** The one active meter of a wallet: of the owner who goes by it, or of the accounts its user acts for. */
  private async onlyMeterOf(wallet: string): Promise<string> {
    const { store, users } = this.parts;
    const user = await users.ofAddress(wallet);
    const owner = { name: wallet, accountIds: user?.accounts ?? [] };
    const [only, second] = await store.readingList.activeMetersOf(owner, 2);
    if (only === undefined || second !== undefined) throw meterIdRequired();
    return only;
  }

  /** The key whose signature it is; when it is none's, the newest, which ingestion will say. */
  private signerOf(
    { keys }: StoredMeter,
    document: object,
    value: Uint8Array,
  ): { readonly alg: string; readonly keyId: string; readonly isProven: boolean } | undefined {
    const { readDocument, signatures } = this.parts;
    const { bytes } = readDocument(SUBMITTED_FORMAT, JSON.stringify(document));
    const tried = keys.slice(-MAX_KEYS_TRIED).toReversed();
    const signer = tried.find(({ publicKey }) => signatures.verify(publicKey, bytes, value));
    const shown = signer ?? tried[0];
    if (shown === undefined) return undefined;
    return { alg: shown.alg, keyId: shown.keyId, isProven: signer !== undefined };
  }

  /** Whose the meter was when it measured this. */
  private ownerOf(meter: StoredMeter, document: object): MeterOwner {
    if (meter.formerOwners === undefined) return meter;
    const { reading } = this.parts.readDocument(SUBMITTED_FORMAT, JSON.stringify(document));
    return ownerAt(meter, reading?.startsMs ?? Number.POSITIVE_INFINITY);
  }

  /** Energy of a meter goes to a wallet of its owner. A meter that names none, in an account without wallets, binds nobody. */
  private async checkWallet(wallet: string, { owner, accountId }: MeterOwner): Promise<void> {
    const { store, users } = this.parts;
    if (owner === wallet) return;
    const user = await users.ofAddress(wallet);
    if (user?.accounts.includes(accountId) === true) return;
    const isBound =
      owner !== undefined ||
      (await store.accounts.listUsers({ accountId, withWallet: true, limit: 1 })).items.length > 0;
    if (isBound)
      throw new SubmissionError(
        'meter_not_owned',
        403,
        'You do not own this meter or it is not verified',
      );
  }

  /** The refusals whose words GridTokenX's clients know, in those words. */
  private worded(item: IngestItem, kwhLiteral: string): IngestItem {
    const { energy, time } = this.parts.limits;
    const isNothing = decimalOf(kwhLiteral).digits === '';
    const days = time.maxAgeMs === 'none' ? 0 : time.maxAgeMs / DAY_MS;
    const words: Readonly<Record<string, string>> = {
      energy_out_of_range: isNothing
        ? 'kWh amount must be positive'
        : `kWh amount exceeds maximum (${energy.maxSubmittedKWh} kWh)`,
      in_future: 'Reading timestamp cannot be in the future',
      too_old: `Reading timestamp is too old (>${days} days)`,
      interval_overlap: 'Duplicate reading detected within 15-minute window',
    };
    const detail = words[item.reason ?? ''];
    return detail === undefined ? item : { ...item, detail };
  }
}

const meterIdRequired = (): SubmissionError =>
  new SubmissionError(
    'meter_id_required',
    400,
    'meter_id is required: it can be left out only when the wallet owns exactly one active meter, whose key signed this',
  );

function documentOf(
  { timestamp, kwhLiteral, wallet }: SubmittedReading,
  meterId: string,
): Readonly<Record<string, string>> {
  return { meter_serial: meterId, timestamp, kwh_amount: kwhLiteral, wallet };
}

function signatureBytes(text: string): Uint8Array {
  const bytes = fromBase58(text) ?? strictBase64(text);
  if (bytes?.length === SIGNATURE_BYTES) return bytes;
  throw new SubmissionError(
    'meter_signature_invalid',
    400,
    `meter_signature must be ${SIGNATURE_BYTES} bytes in base58 or base64`,
  );
}

/** Whether the caller's key is one for the meter: its own, its owner's, or an operator's. */
function mayActFor(
  caller: Principal | undefined,
  meterId: string,
  owner: MeterOwner | undefined,
): boolean {
  if (caller === undefined || owner === undefined) return false;
  if (caller.meterId !== undefined && caller.meterId !== meterId) return false;
  return seesEveryAccount(caller) || caller.accountId === owner.accountId;
}

/** Whether the certificate of the connection is of one of the meter's keys; whether that key still speaks for it, ingestion says. */
function isKeyOf(
  certified: IngestionMessage['certified'],
  meter: StoredMeter | undefined,
): boolean {
  if (certified === undefined || meter === undefined) return false;
  return meter.keys.some(({ publicKey }) => Buffer.compare(publicKey, certified.publicKey) === 0);
}
