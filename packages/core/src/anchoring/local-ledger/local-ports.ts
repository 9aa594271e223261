import type {
  AnchorPorts,
  CashMove,
  CertificatePort,
  LedgerOperation,
  SettlementPort,
  TokenPort,
} from '../../spi/index.js';
import { toHex } from '../../verify/bytes.js';
import { certificates, funds, retired, tokens } from './holdings.js';
import { certificateName, checkedAccount, checkedUnit, operation } from './operation.js';
import type { OperationBook } from './operation-book.js';

/** Energy tokens, certificates and settlement without any chain: accounts are names, and what is done is final. */
export function localPorts(
  book: OperationBook,
): Required<Pick<AnchorPorts, 'tokens' | 'certificates' | 'settlement'>> {
  return {
    tokens: tokenPort(book),
    certificates: certificatePort(book),
    settlement: settlementPort(book),
  };
}

const tokenPort = (book: OperationBook): TokenPort => ({
  mint: async ({ key, to, energyUWh }) =>
    book.post(operation('token-mint', key, { to, energyUWh })),
  burn: async ({ key, from, energyUWh }) =>
    book.post(operation('token-burn', key, { from, energyUWh })),
  transfer: async ({ key, from, to, energyUWh }) =>
    book.post(operation('token-transfer', key, { from, to, energyUWh })),
  balance: async (account) => book.balance(tokens(checkedAccount(account))),
});

const certificatePort = (book: OperationBook): CertificatePort => ({
  issue: async ({ key, to, certificateHash, energyWh }) =>
    book.post(
      operation('certificate-issue', key, {
        to,
        certificateHash: toHex(certificateHash),
        energyWh,
      }),
    ),
  transfer: async ({ key, certificateHash, from, to, energyWh }) =>
    book.post(
      operation('certificate-transfer', key, {
        certificateHash: toHex(certificateHash),
        from,
        to,
        energyWh,
      }),
    ),
  retire: async ({ key, certificateHash, from, energyWh, beneficiary }) =>
    book.post(
      operation('certificate-retire', key, {
        certificateHash: toHex(certificateHash),
        from,
        energyWh,
        beneficiary,
      }),
    ),
  async holding(certificateHash, account) {
    const hash = certificateName(certificateHash);
    checkedAccount(account);
    return {
      heldWh: await book.balance(certificates(hash, account)),
      retiredWh: await book.balance(retired(hash, account)),
    };
  },
});

const settlementPort = (book: OperationBook): SettlementPort => ({
  settle: async ({ tradeId, seller, buyer, energyUWh, payment: { amount, unit } }) =>
    book.post(
      operation('settlement', tradeId, { seller, buyer, energyUWh, payment: amount, unit }),
    ),
  funds: async (account, unit) => book.balance(funds(checkedUnit(unit), checkedAccount(account))),
  cash: {
    deposit: (move) => post(book, 'cash-deposit', move),
    withdraw: (move) => post(book, 'cash-withdrawal', move),
  },
});

async function post(
  book: OperationBook,
  kind: 'cash-deposit' | 'cash-withdrawal',
  { key, account, payment: { amount, unit } }: CashMove,
): Promise<LedgerOperation> {
  return book.post(operation(kind, key, { account, payment: amount, unit }));
}
