import { AnchorError, type JsonObject, type SignedAttempt } from '@wattproof/core/spi';
import { Transaction } from 'ethers';
import { txIdOf } from './evm-node.js';
import { disbelieved } from './evm.errors.js';
import { bytes } from './rpc-values.js';
import type { UnsignedTransaction } from './evm-signer.js';

/** A transaction as a draft keeps it, and as an attempt is found again by. */
export interface AnchorDraft extends UnsignedTransaction {
  readonly from: string;
  /** Wei set aside for what a rollup charges beside the gas. */
  readonly dataFee: bigint;
}

/** One nonce, one transaction: the chain itself lets only one of them win. */
export const conflictKeyOf = ({ from, nonce }: Pick<AnchorDraft, 'from' | 'nonce'>): string =>
  `${from}/${nonce}`;

export const feeOf = ({
  gas,
  maxFee,
  dataFee,
}: Pick<AnchorDraft, 'gas' | 'maxFee' | 'dataFee'>) => ({
  amount: gas * maxFee + dataFee,
  unit: 'wei',
  rate: { amount: Number(maxFee) / 1e9, unit: 'gwei/gas' },
});

export const payloadOf = (draft: AnchorDraft): JsonObject => ({
  chain_id: draft.chainId,
  from: draft.from,
  nonce: draft.nonce,
  to: draft.to,
  data: draft.data,
  gas: draft.gas.toString(),
  max_fee_wei: draft.maxFee.toString(),
  tip_wei: draft.tip.toString(),
  data_fee_wei: draft.dataFee.toString(),
});

export function draftFrom(payload: JsonObject | undefined): AnchorDraft {
  const {
    chain_id,
    from,
    nonce,
    to,
    data,
    gas,
    max_fee_wei,
    tip_wei,
    data_fee_wei = '0',
  } = payload ?? {};
  const amounts = [gas, max_fee_wei, tip_wei, data_fee_wei].map((text) =>
    typeof text === 'string' && /^\d{1,78}$/.test(text) ? BigInt(text) : undefined,
  );
  const texts = [from, to, data].every((text) => typeof text === 'string');
  if (
    !texts ||
    typeof chain_id !== 'number' ||
    typeof nonce !== 'number' ||
    amounts.includes(undefined)
  )
    throw new AnchorError('invalid', 'The draft does not say which transaction it is of.');
  const [gasLimit, maxFee, tip, dataFee] = amounts as [bigint, bigint, bigint, bigint];
  return {
    chainId: chain_id,
    from: from as string,
    nonce,
    to: to as string,
    data: data as string,
    gas: gasLimit,
    maxFee,
    tip,
    dataFee,
  };
}

/** The bytes of a transaction of ours that only the chain still has. */
export function signedFrom(json: Readonly<Record<string, unknown>>, txId: string): SignedAttempt {
  const text = (name: string): string => String(json[name]);
  try {
    const transaction = Transaction.from({
      type: 2,
      chainId: text('chainId'),
      nonce: Number(text('nonce')),
      to: text('to'),
      data: text('input'),
      value: text('value'),
      gasLimit: text('gas'),
      maxFeePerGas: text('maxFeePerGas'),
      maxPriorityFeePerGas: text('maxPriorityFeePerGas'),
      signature: {
        r: text('r'),
        s: text('s'),
        v: Number(json['yParity'] ?? json['v']) % 2 === 1 ? 28 : 27,
      },
    });
    const signed = bytes('the transaction', transaction.serialized);
    if (txIdOf(signed) !== txId) throw new RangeError(`it hashes to ${txIdOf(signed)}`);
    const draft: AnchorDraft = {
      chainId: Number(transaction.chainId),
      from: String(transaction.from).toLowerCase(),
      nonce: transaction.nonce,
      to: String(transaction.to).toLowerCase(),
      data: transaction.data,
      gas: transaction.gasLimit,
      maxFee: transaction.maxFeePerGas as bigint,
      tip: transaction.maxPriorityFeePerGas as bigint,
      // Known when its receipt says what was paid.
      dataFee: 0n,
    };
    return {
      txId,
      conflictKey: conflictKeyOf(draft),
      signed,
      fee: feeOf(draft),
      detail: payloadOf(draft),
    };
  } catch (cause) {
    throw disbelieved(`${txId} is not what it gives for it`, cause);
  }
}
