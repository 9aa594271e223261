import { getAddress } from 'ethers';
import { readSignInMessage, type SignInMessage } from './sign-in-message.js';

/** What a message must say for a server that is `domain` and, when it gave one out, waits for `nonce`. */
export interface SignInExpectation {
  readonly address: string;
  readonly chainId: bigint;
  readonly nowMs: number;
  /** As browsers show it, lower case, with the port unless it is the default one. */
  readonly domain?: string;
  readonly nonce?: string;
}

/** `code` is stable: one of those that `checkSignIn` names. */
export type SignInVerdict =
  | { readonly ok: true; readonly message: SignInMessage }
  | { readonly ok: false; readonly code: string; readonly detail: string };

/** A clock of a user's machine may run this far ahead of ours. */
const MAX_CLOCK_AHEAD_MS = 60_000;

const refuse = (code: string, detail: string): SignInVerdict => ({ ok: false, code, detail });

/** Whether a text is a message of EIP-4361 that says what it must. Pure; the signature is another question. */
export function checkSignIn(text: string, expected: SignInExpectation): SignInVerdict {
  const message = readSignInMessage(text);
  if (message === undefined)
    return refuse('message_malformed', 'the text is not a message of EIP-4361');
  const address = checksummed(message.address);
  if (address !== message.address)
    return refuse('address_checksum', `${message.address} is not written as EIP-55 wants it`);
  if (address !== checksummed(expected.address))
    return refuse('other_address', `the message is for ${address}`);
  if (expected.domain !== undefined && message.domain.toLowerCase() !== expected.domain)
    return refuse('other_domain', `the message is for ${message.domain}, not ${expected.domain}`);
  if (message.chainId !== expected.chainId)
    return refuse('other_chain', `the message is for chain ${message.chainId}`);
  if (expected.nonce !== undefined && message.nonce !== expected.nonce)
    return refuse('other_nonce', 'the message answers another challenge');
  if (message.issuedAtMs > expected.nowMs + MAX_CLOCK_AHEAD_MS)
    return refuse('issued_in_future', 'the message is from the future');
  if (message.expirationTimeMs !== undefined && message.expirationTimeMs <= expected.nowMs)
    return refuse('expired', 'the message has expired');
  if (message.notBeforeMs !== undefined && message.notBeforeMs > expected.nowMs)
    return refuse('not_yet_valid', 'the message is not valid yet');
  return { ok: true, message };
}

/** The address as EIP-55 writes it; undefined when it is none or its own mixed case is wrong. */
export function checksummed(address: string): string | undefined {
  if (!/^0x[0-9A-Fa-f]{40}$/.test(address)) return undefined;
  try {
    return getAddress(address);
  } catch {
    return undefined;
  }
}
