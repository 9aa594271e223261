import { z } from 'zod';
import { keyFromPem } from './log-key.js';
import { problemOfPrevious } from './previous-keys.js';

/** A signing key: a file that is created on first start when absent (mode 600), or the key's own text. */
const keySource = z.union([
  z.strictObject({ file: z.string().min(1).describe('Path of the key file.') }),
  z
    .string()
    .min(1)
    .refine(
      isKeyText,
      'a text here is the key itself, as Ed25519 private key in PEM (PKCS#8), and this is none; a file is written "${file:./log.key}"',
    )
    // Whoever shows a configuration hides what is marked so.
    .meta({ secret: true })
    .describe('The key itself.'),
]);

function isKeyText(text: string): boolean {
  try {
    keyFromPem(text, 'key');
    return true;
  } catch {
    return false;
  }
}

/** Section `log` of the configuration. */
export const LogConfig = z.strictObject({
  key: keySource
    // Relative to the working directory, beside the embedded store: one folder holds all of a gateway.
    .prefault({ file: '.wattproof/log.key' })
    .describe('Key that signs checkpoints.'),
  receiptKey: keySource
    .optional()
    .describe('Key that signs receipts; absent: kept beside the log key and created with it.'),
  previous: z
    .array(z.string().min(1))
    .default([])
    .superRefine((notes, context) => {
      const problem = problemOfPrevious(notes);
      if (problem === undefined) return;
      context.addIssue({ code: 'custom', path: [problem.index], message: problem.message });
    })
    .describe('Signed log-key/1 notes of earlier log keys, oldest first.'),
});
