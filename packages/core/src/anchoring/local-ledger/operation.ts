import type { JsonObject } from '../../spi/index.js';
import { PortRefusal } from '../../spi/index.js';
import { fromUtf8, toHex, utf8 } from '../../verify/bytes.js';
import { canonicalJson } from '../../verify/rfc8785.js';
import { Shape } from '../../verify/shape.js';

export const OPERATION_VERSION = 'wattproof.ledger-operation/1';

/** Far above any energy or money there is, and within what every other ledger can count. */
const MAX_AMOUNT = 2n ** 128n - 1n;
const MAX_KEY_CHARS = 200;
/** Its UTF-8; with its port before it a key must be one of the store's, of 512 bytes. */
const MAX_KEY_BYTES = 400;
const MAX_BENEFICIARY_CHARS = 200;
const ACCOUNT = /^[\x21-\x7e]{1,128}$/;
const ACCOUNT_FORM = '1 to 128 printable ASCII characters without spaces';
const UNIT = /^[A-Za-z0-9._-]{1,32}$/;
const UNIT_FORM = '1 to 32 of A-Z a-z 0-9 . _ -';

/** Members of each kind of operation beside `v`, `kind` and `key`, and the port in which its key is unique. */
const KINDS = {
  'token-mint': { port: 'tokens', accounts: ['to'], amounts: ['energyUWh'] },
  'token-burn': { port: 'tokens', accounts: ['from'], amounts: ['energyUWh'] },
  'token-transfer': { port: 'tokens', accounts: ['from', 'to'], amounts: ['energyUWh'] },
  'certificate-issue': { port: 'certificates', accounts: ['to'], amounts: ['energyWh'] },
  'certificate-transfer': { port: 'certificates', accounts: ['from', 'to'], amounts: ['energyWh'] },
  'certificate-retire': { port: 'certificates', accounts: ['from'], amounts: ['energyWh'] },
  settlement: { port: 'settlement', accounts: ['seller', 'buyer'], amounts: ['energyUWh'] },
  'cash-deposit': { port: 'cash', accounts: ['account'], amounts: [] },
  'cash-withdrawal': { port: 'cash', accounts: ['account'], amounts: [] },
} as const;

export type OperationKind = keyof typeof KINDS;

/** What a port was asked to do, as it stands in a block. Amounts are decimal text. */
export interface Operation {
  readonly kind: OperationKind;
  /** Unique among the operations of its port; a settlement's is the trade id. */
  readonly key: string;
  /** Account, amount, hash and unit members by name, as `KINDS` and `members` say. */
  readonly members: Readonly<Record<string, string>>;
}

/** Where an operation's key is unique. */
export const operationKey = ({ kind, key }: Operation): string => `${KINDS[kind].port}/${key}`;

export const amountOf = (operation: Operation, name: string): bigint =>
  BigInt(operation.members[name] as string);

/** What a holding is named by, checked where it is only read: another name would be of another holding. */
export function checkedAccount(account: string): string {
  if (ACCOUNT.test(account)) return account;
  throw new PortRefusal('request_invalid', `an account is ${ACCOUNT_FORM}`);
}

export function checkedUnit(unit: string): string {
  if (UNIT.test(unit)) return unit;
  throw new PortRefusal('request_invalid', `a unit of payment is ${UNIT_FORM}`);
}

export function certificateName(hash: Uint8Array): string {
  if (hash.length === 32) return toHex(hash);
  throw new PortRefusal('request_invalid', `a certificate hash has 32 bytes, not ${hash.length}`);
}

/** A checked operation of the members given. Throws `PortRefusal('request_invalid')`. */
export function operation(
  kind: OperationKind,
  key: string,
  members: Readonly<Record<string, string | bigint | undefined>>,
): Operation {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(members))
    if (value !== undefined) texts[name] = value.toString();
  const made = { kind, key, members: texts };
  const fault = faultOf(made);
  if (fault !== undefined) throw new PortRefusal('request_invalid', `${kind}: ${fault}`);
  return made;
}

/** Bytes of the transaction that stands for the operation: the request alone decides them. */
export const operationRecord = ({ kind, key, members }: Operation): Uint8Array =>
  utf8(canonicalJson({ ...members, key, kind, v: OPERATION_VERSION } satisfies JsonObject));

/** The operation a record stands for; undefined when the record is about something else. Throws on a malformed one. */
export function readOperation(record: Uint8Array): Operation | undefined {
  let parsed: unknown;
  let text: string;
  try {
    text = fromUtf8(record);
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if ((parsed as { v?: unknown } | null)?.v !== OPERATION_VERSION) return undefined;
  const { v: _v, kind, key, ...members } = parsed as Record<string, unknown>;
  const read = { kind, key, members } as Operation;
  const fault = Object.hasOwn(KINDS, kind as PropertyKey) ? faultOf(read) : 'its kind is unknown';
  if (fault !== undefined) throw new RangeError(`an operation is malformed: ${fault}`);
  if (fromUtf8(operationRecord(read)) !== text)
    throw new RangeError('an operation is not in its canonical form');
  return read;
}

/** What is wrong with an operation, before anything is known about the ledger. */
function faultOf({ kind, key, members }: Operation): string | undefined {
  const { port, accounts, amounts } = KINDS[kind];
  const money = port === 'settlement' || port === 'cash';
  const required: readonly string[] = [
    ...accounts,
    ...amounts,
    ...(port === 'certificates' ? ['certificateHash'] : []),
    ...(money ? ['payment', 'unit'] : []),
  ];
  try {
    const shape = new Shape(
      members,
      kind,
      required,
      kind === 'certificate-retire' ? ['beneficiary'] : [],
    );
    if (typeof key !== 'string' || !isPlainText(key, MAX_KEY_CHARS))
      return `its key is not 1 to ${MAX_KEY_CHARS} printable characters`;
    if (utf8(key).length > MAX_KEY_BYTES)
      return `its key has more than ${MAX_KEY_BYTES} bytes of UTF-8`;
    for (const name of accounts)
      if (!ACCOUNT.test(String(shape.raw(name))))
        return `${name} is not an account of ${ACCOUNT_FORM}`;
    if (new Set(accounts.map((name) => shape.raw(name))).size < accounts.length)
      return `${accounts.join(' and ')} are one account`;
    for (const name of amounts)
      if (!isAmount(shape.raw(name), 1n)) return `${name} is not an integer from 1 to 2^128 - 1`;
    if (money && !isAmount(shape.raw('payment'), kind === 'settlement' ? 0n : 1n))
      return 'the payment is not an integer that can be paid';
    if (money && !UNIT.test(String(shape.raw('unit'))))
      return `the unit of payment is not ${UNIT_FORM}`;
    if (port === 'certificates' && !/^[0-9a-f]{64}$/.test(String(shape.raw('certificateHash'))))
      return 'the certificate hash does not have 32 bytes';
    if (shape.has('beneficiary')) {
      const beneficiary = shape.raw('beneficiary');
      if (typeof beneficiary !== 'string' || !isPlainText(beneficiary, MAX_BENEFICIARY_CHARS))
        return `the beneficiary is not 1 to ${MAX_BENEFICIARY_CHARS} printable characters`;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'unreadable';
  }
}

const isAmount = (text: unknown, least: bigint): boolean =>
  typeof text === 'string' &&
  /^(0|[1-9][0-9]{0,38})$/.test(text) &&
  BigInt(text) >= least &&
  BigInt(text) <= MAX_AMOUNT;

const isPlainText = (text: string, most: number): boolean =>
  text.length > 0 && text.length <= most && text.isWellFormed() && !/\p{C}/u.test(text);
