import { PortRefusal } from '../../spi/index.js';
import { amountOf, type Operation } from './operation.js';

/** Names of what is counted. The account stands last: the parts before it hold no slash. */
export const tokens = (account: string): string => `tokens/${account}`;
export const funds = (unit: string, account: string): string => `funds/${unit}/${account}`;
export const certificates = (hash: string, account: string): string =>
  `certificates/${hash}/${account}`;
export const retired = (hash: string, account: string): string => `retired/${hash}/${account}`;
/** Wh a certificate was issued with. */
const issued = (hash: string): string => `issued/${hash}`;

/**
 * What every holding is after an operation, given what it is before: the one rule of the ledger's books, used to write
 * them and to recompute them. Throws `PortRefusal`; nothing a holding counts ever falls below zero.
 */
export async function applyOperation(
  operation: Operation,
  balance: (holding: string) => Promise<bigint>,
): Promise<ReadonlyMap<string, bigint>> {
  await checkCertificate(operation, balance);
  const after = new Map<string, bigint>();
  for (const [holding, change] of changesOf(operation)) {
    const before = await balance(holding);
    if (before + change < 0n)
      throw new PortRefusal(
        'balance_too_low',
        `${operation.kind} "${operation.key}" takes ${-change} from ${holding}, which has ${before}`,
      );
    after.set(holding, before + change);
  }
  return after;
}

async function checkCertificate(
  { kind, members }: Operation,
  balance: (holding: string) => Promise<bigint>,
): Promise<void> {
  const hash = members['certificateHash'];
  if (hash === undefined) return;
  const exists = (await balance(issued(hash))) > 0n;
  if (kind === 'certificate-issue' && exists)
    throw new PortRefusal('certificate_exists', `certificate ${hash} was issued before`);
  if (kind !== 'certificate-issue' && !exists)
    throw new PortRefusal('certificate_unknown', `certificate ${hash} was never issued`);
}

function changesOf(operation: Operation): readonly (readonly [holding: string, change: bigint])[] {
  const { kind, members } = operation;
  const of = (name: string): string => members[name] as string;
  const amount = (name: string): bigint => amountOf(operation, name);
  const hash = members['certificateHash'] ?? '';
  switch (kind) {
    case 'token-mint':
      return [[tokens(of('to')), amount('energyUWh')]];
    case 'token-burn':
      return [[tokens(of('from')), -amount('energyUWh')]];
    case 'token-transfer':
      return [
        [tokens(of('from')), -amount('energyUWh')],
        [tokens(of('to')), amount('energyUWh')],
      ];
    case 'certificate-issue':
      return [
        [issued(hash), amount('energyWh')],
        [certificates(hash, of('to')), amount('energyWh')],
      ];
    case 'certificate-transfer':
      return [
        [certificates(hash, of('from')), -amount('energyWh')],
        [certificates(hash, of('to')), amount('energyWh')],
      ];
    case 'certificate-retire':
      return [
        [certificates(hash, of('from')), -amount('energyWh')],
        [retired(hash, of('from')), amount('energyWh')],
      ];
    case 'settlement':
      return [
        [tokens(of('seller')), -amount('energyUWh')],
        [tokens(of('buyer')), amount('energyUWh')],
        [funds(of('unit'), of('buyer')), -amount('payment')],
        [funds(of('unit'), of('seller')), amount('payment')],
      ];
    case 'cash-deposit':
      return [[funds(of('unit'), of('account')), amount('payment')]];
    case 'cash-withdrawal':
      return [[funds(of('unit'), of('account')), -amount('payment')]];
  }
}
