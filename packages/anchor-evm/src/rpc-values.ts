import { rpcBytes } from './block-header-rlp.js';
import { disbelieved } from './evm.errors.js';

export type Json = Readonly<Record<string, unknown>>;

export const toQuantity = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Readers of a node's answers: `what` names the answer to a person; what has another form is not believed. */
export type ReadAnswer<T> = (what: string, value: unknown) => T;

export const quantity: ReadAnswer<bigint> = (what, value) => {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value);
  throw disbelieved(`${what} is ${JSON.stringify(value)?.slice(0, 80)}, not a quantity`);
};

export const bytes: ReadAnswer<Uint8Array> = (what, value) => {
  try {
    return rpcBytes(value);
  } catch (cause) {
    throw disbelieved(`${what} is not bytes`, cause);
  }
};

export const hash32: ReadAnswer<string> = (what, value) => {
  if (typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw disbelieved(`${what} is ${JSON.stringify(value)?.slice(0, 80)}, not 32 bytes`);
};

export const object: ReadAnswer<Json> = (what, value) => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw disbelieved(`${what} gave no object`);
};

export const list: ReadAnswer<readonly unknown[]> = (what, value) => {
  if (Array.isArray(value)) return value;
  throw disbelieved(`${what} gave no list`);
};

/** Of what the node does not have. */
export const orNothing =
  <T>(read: ReadAnswer<T>): ReadAnswer<T | undefined> =>
  (what, value) =>
    value === null ? undefined : read(what, value);
