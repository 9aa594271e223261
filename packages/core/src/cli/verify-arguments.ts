import { TRUST_LEVELS, type TrustLevel } from '../verify/contracts.js';

/** What `wattproof verify` was asked. */
export interface VerifyArguments {
  readonly file: string;
  readonly require: TrustLevel;
  readonly keys: readonly string[];
  /** Packages whose `./verify` door checks evidence, beside those that are always looked for. */
  readonly verifiers: readonly string[];
  readonly headers?: string;
  readonly log?: string;
  readonly json: boolean;
}

export const USAGE = `usage: wattproof verify FILE [options]
  FILE               a proof bundle, a receipt, or a proof in the kwh-btc-iot form (with --log)
  --require LEVEL    ${TRUST_LEVELS.join(' | ')} (default operator)
  --key VKEY         pins a key of the log, its receipt key or a witness (C2SP vkey); may be given again
  --verifier PACKAGE checks evidence with that package's ./verify door; may be given again
  --headers FILE|URL block headers to check ledger evidence with
  --log FILE         the entry's canonical bytes, or its preimage, for a kwh-btc-iot proof
  --json             prints the report as JSON
exit 0 valid at the required level, 1 invalid, 2 unusable input`;

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** Reads the arguments after `verify`. Throws `usage`. */
export function readVerifyArguments(args: readonly string[]): VerifyArguments {
  const files: string[] = [];
  const keys: string[] = [];
  const verifiers: string[] = [];
  const values: Partial<Record<'require' | 'headers' | 'log', string>> = {};
  let json = false;
  for (let i = 0; i < args.length; i += 1) {
    const [option, inline] = splitOption(args[i]!);
    if (!option.startsWith('--')) {
      files.push(args[i]!);
      continue;
    }
    if (args[i] === '--json') {
      json = true;
      continue;
    }
    const name = option.slice(2);
    if (!isOption(name)) throw new UsageError(`unknown option ${option}`);
    const value = inline ?? args[(i += 1)];
    if (value === undefined) throw new UsageError(`${option} needs a value`);
    if (name === 'key') keys.push(value);
    else if (name === 'verifier') verifiers.push(value);
    else if (values[name] !== undefined) throw new UsageError(`${option} is given twice`);
    else values[name] = value;
  }
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) throw new UsageError('give exactly one FILE');
  const require = TRUST_LEVELS.find((level) => level === (values.require ?? 'operator'));
  if (require === undefined)
    throw new UsageError(`--require is one of ${TRUST_LEVELS.join(', ')}, got ${values.require}`);
  return {
    file,
    require,
    keys,
    verifiers,
    json,
    ...(values.headers === undefined ? {} : { headers: values.headers }),
    ...(values.log === undefined ? {} : { log: values.log }),
  };
}

const OPTIONS = ['key', 'verifier', 'require', 'headers', 'log'] as const;

function isOption(name: string): name is (typeof OPTIONS)[number] {
  return OPTIONS.some((option) => option === name);
}

function splitOption(text: string): readonly [string, string?] {
  const at = text.startsWith('--') ? text.indexOf('=') : -1;
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
