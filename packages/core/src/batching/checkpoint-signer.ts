import type { Signer } from '../spi/index.js';
import { equal, utf8 } from '../verify/bytes.js';
import { checkpointText } from '../verify/checkpoint.js';
import { formatNote, parseVkey } from '../verify/note.js';
import type { HighWaterMark, Mark } from './high-water-mark.js';
import { rolledBack } from './log-error.js';

/**
 * Signs checkpoints, one root for each size, ever. The mark is durable before a signature exists; the same
 * size and root give the same note (Ed25519 is deterministic), so a crash in between is repaired by asking again.
 */
export class CheckpointSigner {
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly origin: string,
    private readonly signer: Signer,
    private readonly mark: HighWaterMark,
  ) {}

  /** The signed note. Throws `log_rolled_back` for a size that was signed with another root, or that lies below the mark. */
  sign(size: number, root: Uint8Array): Promise<string> {
    const result = this.#queue.then(() => this.#sign(size, root));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #sign(size: number, root: Uint8Array): Promise<string> {
    const mark = await this.mark.read();
    if (
      mark !== undefined &&
      (size < mark.size || (size === mark.size && !equal(root, mark.root)))
    ) {
      throw rolledBack(
        `A checkpoint of size ${mark.size} has been signed; size ${size} with another history is not.`,
      );
    }
    if (mark === undefined || size > mark.size) await this.mark.write({ size, root });
    const text = checkpointText({ origin: this.origin, size, root });
    const { name, id } = parseVkey(this.signer.vkey);
    return formatNote({
      text,
      signatures: [{ name, id, value: await this.signer.sign(utf8(text)) }],
    });
  }

  /** What the key remembers: undefined when the mark dies with the process. Throws `log_mark_missing`, `log_mark_invalid`. */
  remembered(): Promise<Mark | undefined> {
    return this.mark.read();
  }
}
