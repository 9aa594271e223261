import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { localLedgerVerifier } from '../anchoring/local-ledger/verify.js';
import type { EvidenceVerifier } from '../verify/contracts.js';
import type { EcdsaVerify } from '../verify/entry-signature.js';

/** Packages that check evidence of their ledger, looked for beside this package, then beside the caller's files. */
const VERIFIER_PACKAGES = ['@wattproof/anchor-bitcoin'];

/**
 * Every evidence verifier that is installed. One of ours that is not is no error: its evidence stays unchecked. One asked
 * for by name (`asked`) must be there.
 */
export async function installedVerifiers(
  folder: string,
  asked: readonly string[] = [],
): Promise<readonly EvidenceVerifier[]> {
  const found: EvidenceVerifier[] = [localLedgerVerifier];
  for (const name of new Set([...VERIFIER_PACKAGES, ...asked])) {
    const verifier = await importVerifier(`${name}/verify`, folder);
    if (verifier !== undefined) found.push(verifier);
    else if (asked.includes(name))
      throw new Error(
        `--verifier ${name}: no package of that name in ${folder} has a door ./verify whose default export is an EvidenceVerifier; install it there: npm install ${name}`,
      );
  }
  return found;
}

async function importVerifier(
  specifier: string,
  folder: string,
): Promise<EvidenceVerifier | undefined> {
  for (const base of [import.meta.url, pathToFileURL(join(folder, 'here.js')).href]) {
    let path: string;
    try {
      path = createRequire(base).resolve(specifier);
    } catch {
      continue;
    }
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    const verifier = module.default as Partial<EvidenceVerifier> | undefined;
    if (typeof verifier?.type === 'string' && typeof verifier.verify === 'function')
      return verifier as EvidenceVerifier;
  }
  return undefined;
}

/** The ECDSA check, when `@noble/curves`, an optional peer, is installed. */
export async function installedEcdsa(): Promise<EcdsaVerify | undefined> {
  try {
    return (await import('../verify/ecdsa.js')).verifyEcdsa;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
