import { PortRefusal } from '@wattproof/core/spi';
import { getAddress, hexlify, id, toUtf8Bytes, ZeroAddress } from 'ethers';

/** Far above any energy or money there is; the same as on every other ledger. */
const MAX_AMOUNT = 2n ** 128n - 1n;
const MAX_KEY_CHARS = 200;
const MAX_KEY_BYTES = 400;
const MAX_BENEFICIARY_CHARS = 200;

const invalid = (what: string): never => {
  throw new PortRefusal('request_invalid', what);
};

/** Keccak-256 of a key's UTF-8: what it is called on chain. */
export function keyHash(key: string): string {
  if (!isPlainText(key, MAX_KEY_CHARS) || toUtf8Bytes(key).length > MAX_KEY_BYTES)
    return invalid(
      `a key has 1 to ${MAX_KEY_CHARS} printable characters, at most ${MAX_KEY_BYTES} bytes of UTF-8`,
    );
  return id(key);
}

/** For whom energy was retired, as hex of its UTF-8; nobody is named by nothing. */
export function beneficiaryOf(name: string | undefined): string {
  if (name !== undefined && !isPlainText(name, MAX_BENEFICIARY_CHARS))
    return invalid(`a beneficiary has 1 to ${MAX_BENEFICIARY_CHARS} printable characters`);
  return hexlify(toUtf8Bytes(name ?? ''));
}

const isPlainText = (text: string, most: number): boolean =>
  text.length > 0 && text.length <= most && text.isWellFormed() && !/\p{C}/u.test(text);

export function accountOf(text: string): string {
  try {
    const address = getAddress(text);
    return address === ZeroAddress ? invalid('the zero address is nobody') : address;
  } catch (cause) {
    if (cause instanceof PortRefusal) throw cause;
    throw new PortRefusal('request_invalid', `"${text}" is no address of an account`, { cause });
  }
}

export function twoAccounts(first: string, second: string): [string, string] {
  const accounts: [string, string] = [accountOf(first), accountOf(second)];
  return accounts[0] === accounts[1]
    ? invalid(`${accounts[0]} cannot trade with itself`)
    : accounts;
}

export function amountOf(what: string, amount: bigint, least = 1n): bigint {
  if (amount < least || amount > MAX_AMOUNT)
    return invalid(`${what} is ${amount}, not from ${least} to 2^128 - 1`);
  return amount;
}
