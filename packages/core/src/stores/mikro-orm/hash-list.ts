const HASH_BYTES = 32;

/** 32-byte hashes as one value: an array of bytea would cost four times the text. */
export function joinHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(hashes);
}

export function splitHashes(joined: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < joined.length; at += HASH_BYTES)
    hashes.push(joined.subarray(at, at + HASH_BYTES));
  return hashes;
}
