import {
  type AnchorPorts,
  type CertificatePort,
  PortRefusal,
  type SettlementPort,
  type TokenPort,
} from '@wattproof/core/spi';
import { hexlify } from 'ethers';
import { EnergyCertificates } from '../artifacts/ports/energy-certificates.js';
import { EnergyToken } from '../artifacts/ports/energy-token.js';
import { Settlement } from '../artifacts/ports/settlement.js';
import type { EvmNode } from '../evm-node.js';
import type { Operator } from './operator.js';
import { PortContract } from './port-contract.js';
import { accountOf, amountOf, beneficiaryOf, keyHash, twoAccounts } from './port-request.js';
import type { EvmPortsConfig } from './ports.config.js';

/** Energy tokens (ERC-20), certificates (ERC-1155) and settlement on an EVM chain. Accounts are addresses. */
export function evmPorts(
  node: EvmNode,
  operator: Operator,
  { tokens, certificates, settlement, payments }: EvmPortsConfig['ports'],
): Required<Pick<AnchorPorts, 'tokens' | 'certificates' | 'settlement'>> {
  return {
    tokens: tokenPort(new PortContract(node, tokens, EnergyToken.abi), operator),
    certificates: certificatePort(
      new PortContract(node, certificates, EnergyCertificates.abi),
      operator,
    ),
    settlement: settlementPort(
      new PortContract(node, settlement, Settlement.abi),
      operator,
      (unit) => new PortContract(node, tokenOf(payments, unit), ERC_20),
    ),
  };
}

const ERC_20 = ['function balanceOf(address) view returns (uint256)'];

const tokenPort = (token: PortContract, operator: Operator): TokenPort => ({
  mint: async ({ key, to, energyUWh }, signal) =>
    operator.operate(
      token,
      'mintOnce',
      [keyHash(key), accountOf(to), amountOf('energyUWh', energyUWh)],
      signal,
    ),
  burn: async ({ key, from, energyUWh }, signal) =>
    operator.operate(
      token,
      'burnOnce',
      [keyHash(key), accountOf(from), amountOf('energyUWh', energyUWh)],
      signal,
    ),
  transfer: async ({ key, from, to, energyUWh }, signal) =>
    operator.operate(
      token,
      'transferOnce',
      [keyHash(key), ...twoAccounts(from, to), amountOf('energyUWh', energyUWh)],
      signal,
    ),
  balance: async (account, signal) =>
    (await token.ask('balanceOf', [accountOf(account)], signal))[0] as bigint,
});

const certificatePort = (contract: PortContract, operator: Operator): CertificatePort => ({
  issue: async ({ key, to, certificateHash, energyWh }, signal) =>
    operator.operate(
      contract,
      'issueOnce',
      [keyHash(key), accountOf(to), certificateId(certificateHash), amountOf('energyWh', energyWh)],
      signal,
    ),
  transfer: async ({ key, certificateHash, from, to, energyWh }, signal) =>
    operator.operate(
      contract,
      'transferOnce',
      [
        keyHash(key),
        ...twoAccounts(from, to),
        certificateId(certificateHash),
        amountOf('energyWh', energyWh),
      ],
      signal,
    ),
  retire: async ({ key, certificateHash, from, energyWh, beneficiary }, signal) =>
    operator.operate(
      contract,
      'claimOnce',
      [
        keyHash(key),
        accountOf(from),
        certificateId(certificateHash),
        amountOf('energyWh', energyWh),
        beneficiaryOf(beneficiary),
      ],
      signal,
    ),
  async holding(certificateHash, account, signal) {
    const args = [accountOf(account), certificateId(certificateHash)];
    const [heldWh] = await contract.ask('balanceOf', args, signal);
    const [retiredWh] = await contract.ask('claimedBalanceOf', args, signal);
    return { heldWh: heldWh as bigint, retiredWh: retiredWh as bigint };
  },
});

const settlementPort = (
  contract: PortContract,
  operator: Operator,
  money: (unit: string) => PortContract,
): SettlementPort => ({
  settle: async ({ tradeId, seller, buyer, energyUWh, payment: { amount, unit } }, signal) =>
    operator.operate(
      contract,
      'settleOnce',
      [
        keyHash(tradeId),
        ...twoAccounts(seller, buyer),
        amountOf('energyUWh', energyUWh),
        money(unit).address,
        amountOf('the payment', amount, 0n),
      ],
      signal,
    ),
  funds: async (account, unit, signal) =>
    (await money(unit).ask('balanceOf', [accountOf(account)], signal))[0] as bigint,
});

function tokenOf(payments: Readonly<Record<string, string>>, unit: string): string {
  if (Object.hasOwn(payments, unit)) return payments[unit] as string;
  const known = Object.keys(payments).join(', ') || 'none';
  throw new PortRefusal('request_invalid', `"${unit}" is no unit of payment here; known: ${known}`);
}

function certificateId(hash: Uint8Array): string {
  if (hash.length === 32) return hexlify(hash);
  throw new PortRefusal('request_invalid', `a certificate hash has 32 bytes, not ${hash.length}`);
}
