import { createPrivateFile, readIfThere } from '../batching/durable-file.js';
import { FileMark } from '../batching/high-water-mark.js';
import { keyFromSeed, namedSigner, pemOf } from '../batching/log-key.js';
import { LogError } from '../batching/log-error.js';
import type { GatewayConfig } from '../plugins/index.js';
import { signedLogKeyNote } from '../batching/log-key-note.js';
import { openKeys } from './compose-batching.js';

export interface RotatedLogKey {
  /** vkey of the key that signs checkpoints from the next start on. */
  readonly vkey: string;
  /** What `log.previous` has to hold with it, oldest first. */
  readonly previous: readonly string[];
  /** Size of the log when the key changed. */
  readonly size: number;
}

/**
 * Makes the next key of a log in `newFile`, with the mark of the present one, and has the present key announce it. The gateway must not be
 * running: what the present key signs afterwards is not in the new mark. Throws `LogError`.
 */
export async function rotateLogKey(
  config: GatewayConfig,
  parts: {
    readonly newFile: string;
    readonly nowMs: () => number;
    readonly random: (length: number) => Uint8Array;
  },
): Promise<RotatedLogKey> {
  const { newFile, nowMs, random } = parts;
  const { origin } = config;
  const keys = await openKeys(config, { clock: { nowMs }, random });
  const mark = await new FileMark(keys.markFile, origin).read();
  if ((await readIfThere(newFile)) !== undefined) throw taken(newFile);
  // The mark first: a key without one would be taken for a key that has signed nothing.
  const newMark = new FileMark(`${newFile}.mark`, origin);
  await newMark.begin();
  await newMark.write(mark);
  const key = keyFromSeed(random(32));
  if (!(await createPrivateFile(newFile, pemOf(key)))) throw taken(newFile);
  const { vkey } = namedSigner(origin, key);
  const note = await signedLogKeyNote(keys.checkpoint, {
    origin,
    role: 'checkpoint',
    vkey,
    previous: keys.checkpoint.vkey,
    announcedAtMs: nowMs(),
  });
  return { vkey, previous: [...keys.announcements, note], size: mark.size };
}

function taken(file: string): LogError {
  return new LogError(
    'log_key_invalid',
    `${file} is there already; name a file that does not exist yet.`,
  );
}
