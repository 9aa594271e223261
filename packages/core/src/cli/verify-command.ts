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
  /** `packages`: those asked for by name; rejects when one of them has no verifier. */
  verifiers(packages: readonly string[]): Promise<readonly EvidenceVerifier[]>;
  /** Undefined when the curves are not installed: such signatures stay unchecked. */
  ecdsa(): Promise<EcdsaVerify | undefined>;
  out(line: string): void;
  err(line: string): void;
}

/** Exit codes of `wattproof verify`. */
export const EXIT = { valid: 0, invalid: 1, unusable: 2 } as const;

/** Runs `wattproof verify` with the arguments after the word and says the exit code. Never throws. */
export async function runVerify(args: readonly string[], terminal: VerifyHost): Promise<number> {
  const host = withoutControls(terminal);
  const unusable = (message: string): number => {
    host.err(message);
    if (args.includes('--json')) host.out(JSON.stringify(unusableReport(message)));
    return EXIT.unusable;
  };
  let asked: VerifyArguments;
  try {
    asked = readVerifyArguments(args);
    for (const key of asked.keys) parseVkey(key);
  } catch (error) {
    const code = unusable(text(error));
    if (error instanceof UsageError) for (const line of USAGE.split('\n')) host.err(line);
    return code;
  }
  try {
    const report = await examine(asked, host);
    print(report, asked, host);
    return report.ok ? EXIT.valid : EXIT.invalid;
  } catch (error) {
    return unusable(text(error));
  }
}

/** The shape of a report for input that could not be looked at. */
function unusableReport(message: string): Omit<ProofReport, 'required'> {
  const failures = [{ code: 'unusable', text: message }];
  return { ok: false, selfAsserted: true, proven: [], notChecked: [], failures };
}

/** What a proof says of itself must not look like what is said of the proof: no line feeds, no escape sequences. */
function withoutControls(host: VerifyHost): VerifyHost {
  // Written as JSON escapes, so that a report in JSON stays one.
  const escaped = (text: string): string =>
    Array.from(
      { length: text.length },
      (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join('');
  const visible = (line: string): string =>
    line.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, escaped);
  return {
    read: (source, maxBytes) => host.read(source, maxBytes),
    verifiers: (packages) => host.verifiers(packages),
    ecdsa: () => host.ecdsa(),
    out: (line) => host.out(visible(line)),
    err: (line) => host.err(visible(line)),
  };
}

async function examine(asked: VerifyArguments, host: VerifyHost): Promise<ProofReport> {
  return naming(asked.file, async () => {
    const source = decodeJson(await host.read(asked.file, BUNDLE_LIMITS.bundleBytes));
    return examineValue(parseJson(source, 'i-json'), source, asked, host);
  });
}

async function examineValue(
  value: unknown,
  source: string,
  asked: VerifyArguments,
  host: VerifyHost,
): Promise<ProofReport> {
  if (asked.log !== undefined && !isSeedProof(value))
    throw new UsageError(
      '--log belongs to a kwh-btc-iot proof; bundles carry their entry, receipts name it',
    );
  if (isReceipt(value)) return verifyReceiptFile(source, asked.keys, asked.require);
  if (isSeedProof(value)) {
    if (asked.log === undefined)
      throw new UsageError(
        'nothing ties leaf_hash to a log: give the entry with --log FILE, or ask for the bundle (?format=bundle)',
      );
    const { log: file } = asked;
    const log = await naming(file, () => host.read(file, BUNDLE_LIMITS.entryBytes));
    return verifySeedProof(value, log, asked.require, asked.keys);
  }
  const version = (value as { v?: unknown } | null)?.v;
  if (typeof version !== 'string' || !version.startsWith('wattproof.proof/'))
    throw new UsageError('neither a proof bundle, nor a receipt, nor a kwh-btc-iot proof');
  const { headers: file } = asked;
  const headers =
    file === undefined
      ? undefined
      : await naming(file, async () =>
          headersOf(decodeJson(await host.read(file, MAX_HEADER_FILE_BYTES))),
        );
  const ecdsa = await host.ecdsa();
  // Files gain a final line feed in many tools; it is no part of the bundle.
  return verifyProof(source.replace(/\r?\n$/, ''), {
    keys: asked.keys,
    require: asked.require,
    verifiers: await host.verifiers(asked.verifiers),
    ...(ecdsa === undefined ? {} : { ecdsa }),
    ...(headers === undefined ? {} : { headers }),
  });
}

/** What went wrong with one of several inputs, said once with the input's name. */
class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}

async function naming<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof UnusableInput) throw cause;
    throw new UnusableInput(`${source}: ${text(cause)}`, { cause });
  }
}

function print(report: ProofReport, asked: VerifyArguments, host: VerifyHost): void {
  if (asked.json) return host.out(JSON.stringify(report));
  if (report.selfAsserted && report.signer !== undefined)
    host.out(`self-asserted: signed by ${report.signer}, which you have not pinned`);
  else if (report.selfAsserted && report.ok)
    host.out('self-asserted: the root is signed by nobody');
  host.out(
    report.ok
      ? `valid: reached ${report.level}, required ${report.required}`
      : `invalid: required ${report.required}`,
  );
  if (report.leafHash !== undefined) host.out(`  entry: leaf_hash ${report.leafHash}`);
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
