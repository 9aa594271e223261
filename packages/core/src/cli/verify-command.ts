import { decodeJson, parseJson } from '../verify/json/parse.js';
import { BUNDLE_LIMITS } from '../verify/bundle.js';
import type { EvidenceVerifier } from '../verify/contracts.js';
import type { EcdsaVerify } from '../verify/entry-signature.js';
import { parseVkey } from '../verify/note.js';
import type { ProofReport, Statement } from '../verify/proof-report.js';
import { verifyProof } from '../verify/verify-proof.js';
import { headersOf, MAX_HEADER_FILE_BYTES } from './header-source.js';
import {
  readVerifyArguments,
  USAGE,
  UsageError,
  type VerifyArguments,
} from './verify-arguments.js';
import { isReceipt, verifyReceiptFile } from './verify-receipt-file.js';
import { isSeedProof, verifySeedProof } from './verify-seed-proof.js';

/** What the command needs from the machine. */
export interface VerifyHost {
  /** Reads a file, or an http(s) address; at most `maxBytes`. */
  read(source: string, maxBytes: number): Promise<Uint8Array>;
  verifiers(): Promise<readonly EvidenceVerifier[]>;
  /** Undefined when the curves are not installed: such signatures stay unchecked. */
  ecdsa(): Promise<EcdsaVerify | undefined>;
  out(line: string): void;
  err(line: string): void;
}

/** Exit codes of `wattproof verify`. */
export const EXIT = { valid: 0, invalid: 1, unusable: 2 } as const;

/** Runs `wattproof verify` with the arguments after the word and says the exit code. Never throws. */
export async function runVerify(args: readonly string[], host: VerifyHost): Promise<number> {
  let asked: VerifyArguments;
  try {
    asked = readVerifyArguments(args);
    for (const key of asked.keys) parseVkey(key);
  } catch (error) {
    host.err(text(error));
    if (error instanceof UsageError) host.err(USAGE);
    return EXIT.unusable;
  }
  try {
    const report = await examine(asked, host);
    print(report, asked, host);
    return report.ok ? EXIT.valid : EXIT.invalid;
  } catch (error) {
    host.err(`${asked.file}: ${text(error)}`);
    return EXIT.unusable;
  }
}

async function examine(asked: VerifyArguments, host: VerifyHost): Promise<ProofReport> {
  const source = decodeJson(await host.read(asked.file, BUNDLE_LIMITS.bundleBytes));
  const value: unknown = parseJson(source, 'i-json');
  if (isReceipt(value)) return verifyReceiptFile(source, asked.keys, asked.require);
  if (isSeedProof(value)) {
    if (asked.log === undefined)
      throw new UsageError(
        'nothing ties leaf_hash to a log: give the entry with --log FILE, or ask for the bundle (?format=bundle)',
      );
    const log = await host.read(asked.log, BUNDLE_LIMITS.entryBytes);
    return verifySeedProof(value, log, asked.require);
  }
  const version = (value as { v?: unknown } | null)?.v;
  if (typeof version !== 'string' || !version.startsWith('wattproof.proof/'))
    throw new UsageError('neither a proof bundle, nor a receipt, nor a kwh-btc-iot proof');
  const headers =
    asked.headers === undefined
      ? undefined
      : headersOf(decodeJson(await host.read(asked.headers, MAX_HEADER_FILE_BYTES)));
  const ecdsa = await host.ecdsa();
  // Files gain a final line feed in many tools; it is no part of the bundle.
  return verifyProof(source.replace(/\r?\n$/, ''), {
    keys: asked.keys,
    require: asked.require,
    verifiers: await host.verifiers(),
    ...(ecdsa === undefined ? {} : { ecdsa }),
    ...(headers === undefined ? {} : { headers }),
  });
}

function print(report: ProofReport, asked: VerifyArguments, host: VerifyHost): void {
  if (asked.json) return host.out(JSON.stringify(report));
  if (report.selfAsserted && report.signer !== undefined)
    host.out(`self-asserted: signed by ${report.signer}, which you have not pinned`);
  host.out(
    report.ok
      ? `valid: reached ${report.level}, required ${report.required}`
      : `invalid: required ${report.required}`,
  );
  const list = (head: string, statements: readonly Statement[]): void => {
    for (const { code, text: words } of statements) host.out(`  ${head}: ${words} [${code}]`);
  };
  list('failed', report.failures);
  list('proven', report.proven);
  list('not checked', report.notChecked);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
