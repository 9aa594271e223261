/** The public name of the n-th notice. */
export const noticeId = (number: bigint): string => `nt_${number}`;

/** Its number; 0, which no notice has, for what is no such name. */
export function numberOfNotice(id: string): bigint {
  return /^nt_[1-9]\d{0,17}$/.test(id) ? BigInt(id.slice(3)) : 0n;
}
