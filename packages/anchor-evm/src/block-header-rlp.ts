import { bytesOf, hex } from './verify/hex.js';
import { encodeRlp, scalar } from './verify/rlp.js';

/** Fields of a header in the order in which they are hashed; `#` marks numbers. What a fork adds comes behind. */
const FIELDS = (
  'parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom ' +
  '#difficulty #number #gasLimit #gasUsed #timestamp extraData mixHash nonce'
).split(' ');
const LATER_FIELDS = (
  '#baseFeePerGas withdrawalsRoot #blobGasUsed #excessBlobGas ' +
  'parentBeaconBlockRoot requestsHash blockAccessListHash'
).split(' ');

/** RLP of the header of a block as JSON-RPC gives it, all fields that are present. Throws on what is not hex. */
export function headerRlp(block: Readonly<Record<string, unknown>>): Uint8Array {
  const name = (field: string): string => field.replace('#', '');
  const later = LATER_FIELDS.filter(
    (field) => block[name(field)] !== undefined && block[name(field)] !== null,
  );
  return encodeRlp(
    [...FIELDS, ...later].map((field) =>
      field.startsWith('#')
        ? scalar(BigInt(`0x${hex(rpcBytes(block[name(field)], true))}`))
        : rpcBytes(block[field]),
    ),
  );
}

/** Bytes of `0x` hex as JSON-RPC writes them; a quantity may have an odd number of digits. */
export function rpcBytes(value: unknown, quantity = false): Uint8Array {
  const digits = typeof value === 'string' && value.startsWith('0x') ? value.slice(2) : undefined;
  const even = digits !== undefined && quantity && digits.length % 2 === 1 ? `0${digits}` : digits;
  const bytes = bytesOf(even?.toLowerCase());
  if (bytes === undefined || (quantity && bytes.length === 0))
    throw new RangeError(`not 0x hex: ${JSON.stringify(value)?.slice(0, 80)}`);
  return bytes;
}
