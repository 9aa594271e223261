import { readFile } from 'node:fs/promises';
import { FindingUnreadable, recompute } from '../detectors/recompute.js';

export const RECOMPUTE_USAGE = `usage: wattproof recompute FILE…
  Computes what a detector found again, from the document that GET /api/v1/logs/{id}/findings gives: one document, or
  the whole answer. The hash it prints is what the log entry finding/1 names as "finding"; \`wattproof verify\` proves that entry.
exit 0 every finding follows from its inputs, 1 one does not, 2 not usable as called`;

/** Runs `wattproof recompute` with the arguments after the word and says the exit code. */
export async function runRecompute(
  files: readonly string[],
  out: (line: string) => void,
  err: (line: string) => void,
): Promise<number> {
  const unknown = files.find((file) => file.startsWith('-'));
  if (files.length === 0 || unknown !== undefined) {
    err(unknown === undefined ? 'no file given' : `unknown option ${unknown}`);
    err(RECOMPUTE_USAGE);
    return 2;
  }
  let different = 0;
  for (const file of files)
    try {
      for (const document of documentsOf(await readFile(file, 'utf8'))) {
        const { same, hash, differences } = await recompute(document);
        out(`${same ? 'same' : 'different'} ${hash} ${file}`);
        for (const difference of differences) out(`  ${difference}`);
        if (!same) different += 1;
      }
    } catch (error) {
      const { message } = error as Error;
      err(
        `${file}: ${error instanceof FindingUnreadable ? message : `cannot be read: ${message}`}`,
      );
      return 2;
    }
  return different === 0 ? 0 : 1;
}

/** One document as it is, or each of the answer of the route. */
function documentsOf(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [text];
  }
  const { findings } = (value ?? {}) as { findings?: unknown };
  if (!Array.isArray(findings)) return [text];
  if (findings.length === 0) throw new FindingUnreadable('the answer holds no findings');
  return findings.map((one) => JSON.stringify((one as { document?: unknown }).document ?? null));
}
