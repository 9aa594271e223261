import type { BatchMetadata } from './batch-log.js';
import type { Bundle } from './bundle.js';
import { equal } from './bytes.js';
import { verifyCheckpoint } from './checkpoint.js';
import { openLogKeyNote } from './log-key.js';
import { formatVkey, parseVkey, type NoteKey } from './note.js';
import type { ReportDraft } from './proof-report.js';
import type { VerifyOptions } from './verify-options.js';

/** The keys that count as the log's own, once the checkpoint holds. */
export function checkCheckpoint(
  bundle: Bundle,
  metadata: BatchMetadata,
  pinned: readonly NoteKey[],
  { equation }: VerifyOptions,
  report: ReportDraft,
): readonly NoteKey[] {
  try {
    const logKey = parseVkey(bundle.logKey);
    report.signer = formatVkey(logKey);
    const own = pinned.filter(
      (key) => key.name === metadata.origin || key.name.startsWith(`${metadata.origin}/`),
    );
    // Witnesses may be pinned without the log's key; then the log still only asserts itself. A key of another log, or one
    // for receipts only, vouches for no checkpoint: who pins it does not take just any log.
    report.selfAsserted = !pinned.some(({ type }) => type === 'ed25519');
    const keys = announced(bundle, report.selfAsserted ? [logKey] : own, equation, report);
    if (!keys.some((key) => formatVkey(key) === report.signer)) {
      report.fail(
        'log_key_unknown',
        `signed by ${report.signer}, which is not pinned and not announced by a pinned key`,
      );
      return [];
    }
    const verified = verifyCheckpoint(
      bundle.checkpoint,
      [logKey, ...pinned.filter((key) => formatVkey(key) !== report.signer)],
      equation,
    );
    const { origin, size, root } = verified;
    if (formatVkey(verified.logKey) !== report.signer)
      throw new Error(`the checkpoint is not signed by ${report.signer}`);
    if (origin !== metadata.origin)
      throw new Error(`the batch is of ${metadata.origin}, the checkpoint of ${origin}`);
    if (size !== bundle.log.size || !equal(root, bundle.log.root))
      throw new Error('the checkpoint is for another size or root of the batch log');
    report.prove(
      'checkpoint',
      `${origin} signed that its log of ${size} batches holds this one`,
      'operator',
    );
    for (const { key, timestampSeconds } of verified.signatures)
      if (key.type === 'cosignature-v1')
        report.prove(
          'witness',
          `${key.name} saw this checkpoint at ${new Date((timestampSeconds ?? 0) * 1000).toISOString()}`,
          'witness',
        );
    return keys;
  } catch (error) {
    report.fail('checkpoint', error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** Follows the announcements. Self-asserted, the chain must still hold and end at the key that signed. */
function announced(
  bundle: Bundle,
  known: readonly NoteKey[],
  equation: VerifyOptions['equation'],
  report: ReportDraft,
): readonly NoteKey[] {
  const keys = [...known];
  for (const note of bundle.logKeys) {
    try {
      const { key } = openLogKeyNote(note, keys, equation);
      keys.push(key);
    } catch (error) {
      // An announcement older than what is pinned here proves nothing and spoils nothing, unless it is false.
      if ((error as { code?: unknown }).code !== 'note_not_signed') throw error;
      report.skip('log_key_note', `an announcement is not signed by a key known here`);
    }
  }
  return keys;
}
