import { canonicalJson, fromHex, fromUtf8, utf8 } from '@wattproof/core/verify';

export interface BlockHeader {
  readonly height: number;
  /** Hash of the header before, hex. */
  readonly previous: string;
  readonly timeMs: number;
  /** How many transactions the block has; the root alone does not tell. */
  readonly count: number;
  /** RFC 9162 tree over the transactions, 32 bytes. */
  readonly root: Uint8Array;
}

/** The bytes whose SHA-256 is the hash of the block. */
export const headerBytes = (header: Omit<BlockHeader, 'root'> & { readonly root: string }) =>
  utf8(
    canonicalJson({
      count: header.count,
      height: header.height,
      previous: header.previous,
      root: header.root,
      time_ms: header.timeMs,
    }),
  );

/** Throws `SyntaxError` for bytes that are no header of Tally. */
export function readHeader(bytes: Uint8Array): BlockHeader {
  const { count, height, previous, root, time_ms } = JSON.parse(fromUtf8(bytes)) as Record<
    string,
    unknown
  >;
  if (
    !isCount(count) ||
    !isCount(height) ||
    !isCount(time_ms) ||
    typeof previous !== 'string' ||
    typeof root !== 'string' ||
    !/^[0-9a-f]{64}$/.test(root)
  )
    throw new SyntaxError('these bytes are no block header of Tally');
  return { count, height, previous, root: fromHex(root), timeMs: time_ms };
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
