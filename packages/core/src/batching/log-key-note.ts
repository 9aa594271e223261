import type { Signer } from '../spi/index.js';
import { utf8 } from '../verify/bytes.js';
import { logKeyText } from '../verify/log-key.js';
import { formatNote, parseVkey } from '../verify/note.js';
import { canonicalJsonBytes } from '../verify/rfc8785.js';

/** A log-key/1 note: `signer`, a checkpoint key of the log, announces another key of it. */
export async function signedLogKeyNote(
  signer: Signer,
  announced: {
    readonly origin: string;
    readonly role: 'checkpoint' | 'receipts' | 'ledger';
    readonly vkey: string;
    /** vkey of the checkpoint key before, when `vkey` takes its place. */
    readonly previous?: string;
    readonly announcedAtMs: number;
  },
): Promise<string> {
  const { announcedAtMs, ...document } = announced;
  const text = logKeyText(
    canonicalJsonBytes({
      v: 'log-key/1',
      ...document,
      announced_at: new Date(announcedAtMs).toISOString(),
    }),
  );
  const { name, id } = parseVkey(signer.vkey);
  return formatNote({ text, signatures: [{ name, id, value: await signer.sign(utf8(text)) }] });
}
