import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { localLedgerVerifier } from '../anchoring/local-ledger/verify.js';
import type { EvidenceVerifier } from '../verify/contracts.js';
import type { EcdsaVerify } from '../verify/entry-signature.js';

/** Packages that check evidence of their ledger, looked for beside this package, then beside the caller's files. */
const VERIFIER_PACKAGES = ['@wattproof/anchor-bitcoin', '@wattproof/anchor-evm'];

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
    const verifiers = await importVerifiers(`${name}/verify`, folder);
    found.push(...verifiers);
    if (verifiers.length === 0 && asked.includes(name))
      throw new Error(
        `--verifier ${name}: no package of that name in ${folder} has a door ./verify whose default export is an EvidenceVerifier or a list of them; install it there: npm install ${name}`,
      );
  }
  return found;
}

/** The default export of the door: one verifier, or a list of one per type. */
async function importVerifiers(
  specifier: string,
  folder: string,
): Promise<readonly EvidenceVerifier[]> {
  for (const base of [import.meta.url, pathToFileURL(join(folder, 'here.js')).href]) {
    let path: string;
    try {
      path = createRequire(base).resolve(specifier);
    } catch {
      continue;
    }
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    const found = [module.default].flat() as readonly Partial<EvidenceVerifier>[];
    if (found.every((one) => typeof one?.type === 'string' && typeof one.verify === 'function'))
      return found as readonly EvidenceVerifier[];
  }
  return [];
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
