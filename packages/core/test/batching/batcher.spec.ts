import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Batcher, type CheckpointedBatch } from '../../src/batching/batcher.js';
import { CheckpointSigner } from '../../src/batching/checkpoint-signer.js';
import { FileMark, MemoryMark } from '../../src/batching/high-water-mark.js';
import type { LogError } from '../../src/batching/log-error.js';
import { keyFromSeed, namedSigner } from '../../src/batching/log-key.js';
import { problemOfPrevious } from '../../src/batching/previous-keys.js';
import { openLogKeys } from '../../src/batching/log-keys.js';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import type { BatchStore } from '../../src/batching/batch.store.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { auditStore } from '../../src/testing/process/audit-store.js';
import { sampleEntry } from '../../src/testing/store-suite/sample-rows.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import type { Signer } from '../../src/spi/index.js';
import { toHex, utf8 } from '../../src/verify/bytes.js';
import { logKeyText } from '../../src/verify/log-key.js';
import { formatNote } from '../../src/verify/note.js';
import { canonicalJsonBytes } from '../../src/verify/rfc8785.js';
import {
  commitmentDigest,
  openLogKeyNote,
  parseBatchMetadata,
  parseVkey,
  verifyCheckpoint,
} from '../../src/verify/index.js';

const ORIGIN = 'batcher.test/log';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
let folder: string;
let clock: FakeClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wattproof-batcher-'));
  clock = new FakeClock(1_760_000_000_000);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const keys = (file = join(folder, 'log.key')) =>
  openLogKeys({
    origin: ORIGIN,
    key: { file },
    previous: [],
    random: (length) => randomBytes(length),
    nowMs: () => clock.nowMs(),
    stateFolder: folder,
  });

async function batcherOver(
  store: Store,
  options: { maxEntries?: number; batches?: BatchStore; signer?: CheckpointSigner } = {},
) {
  const { checkpoint, markFile } = await keys();
  const seen: CheckpointedBatch[] = [];
  const signer =
    options.signer ?? new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN));
  const batcher = new Batcher({
    origin: ORIGIN,
    config: { profile: 'rfc9162', maxEntries: options.maxEntries ?? 100, maxAgeMs: 1000 },
    batches: options.batches ?? store.batches,
    entries: store.entries,
    signer,
    clock,
    hashing: nativeHashing,
    logger: silent,
    yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
    onCheckpoint: async (batch) => void seen.push(batch),
  });
  return { batcher, seen, vkey: checkpoint.vkey, signer };
}

const put = (store: Store, count: number, choices = {}) =>
  new StoreScene({ name: 'batcher', open: async () => store }).commit(
    ...Array.from({ length: count }, () =>
      sampleEntry({ receivedAtMs: clock.nowMs(), ...choices }),
    ),
  );

describe('the keys of a log', () => {
  it('are created once, readable by their owner only, and the same at the next start', async () => {
    const first = await keys();
    expect(first.created).toBe(true);
    expect((await stat(join(folder, 'log.key'))).mode & 0o777).toBe(0o600);
    const second = await keys();
    expect(second.created).toBe(false);
    expect([second.checkpoint.vkey, second.receipts.vkey, second.ledger.vkey]).toEqual([
      first.checkpoint.vkey,
      first.receipts.vkey,
      first.ledger.vkey,
    ]);
    expect(second.announcements).toEqual(first.announcements);
    expect(
      new Set(
        [first.checkpoint.vkey, first.receipts.vkey, first.ledger.vkey].map((vkey) =>
          parseVkey(vkey).publicKey.join(),
        ),
      ).size,
    ).toBe(3);
  });

  it('are announced by the checkpoint key', async () => {
    const { announcements, checkpoint, receipts, ledger } = await keys();
    const opened = announcements.map((note) => openLogKeyNote(note, [parseVkey(checkpoint.vkey)]));
    expect(opened.map(({ role, key }) => [role, key])).toEqual([
      ['receipts', parseVkey(receipts.vkey)],
      ['ledger', parseVkey(ledger.vkey)],
    ]);
  });

  it('are refused when the file is something else, without quoting it', async () => {
    const file = join(folder, 'bad.key');
    await writeFile(file, 'very secret nonsense');
    const error = await keys(file).catch((cause: unknown) => cause as Error);
    expect(error).toMatchObject({ code: 'log_key_invalid' });
    expect((error as Error).message + ((error as Error).cause as Error).message).not.toContain(
      'secret',
    );
    await expect(keys(join(folder, 'bad.key', 'below-a-file'))).rejects.toMatchObject({
      code: 'log_key_unreadable',
    });
  });
});

describe('the notes of earlier keys', () => {
  const earlier = [1, 2, 3].map((seed) =>
    namedSigner(ORIGIN, keyFromSeed(new Uint8Array(32).fill(seed))),
  ) as [Signer, Signer, Signer];
  const announce = async (key: Signer, by: Signer, more = {}) => {
    const text = logKeyText(
      canonicalJsonBytes({
        v: 'log-key/1',
        origin: ORIGIN,
        role: 'checkpoint',
        vkey: key.vkey,
        announced_at: '2026-01-01T00:00:00.000Z',
        ...more,
      }),
    );
    const { name, id } = parseVkey(by.vkey);
    return formatNote({ text, signatures: [{ name, id, value: await by.sign(utf8(text)) }] });
  };

  it('lead from the oldest key to the present one, in order and without a gap', async () => {
    const [a, b, c] = earlier;
    const chain = [await announce(b, a, { previous: a.vkey }), await announce(c, b)];
    const now = { origin: ORIGIN, current: c.vkey };
    expect(problemOfPrevious(chain, now)).toBeUndefined();
    expect(problemOfPrevious([await announce(b, a), chain[1]!], now)).toBeUndefined();
    expect(problemOfPrevious([], now)).toBeUndefined();
    const problem = (notes: readonly string[]) => problemOfPrevious(notes, now)?.message;
    expect(problem(chain.toReversed())).toContain('the oldest note comes first');
    expect(problem(chain.slice(0, 1))).toContain('the notes lead to');
    expect(problem([...chain, await announce(a, earlier[0])])).toBeDefined();
    expect(problem([chain[0]!, chain[1]!.replace('2026', '2027')])).toContain('not valid');
    expect(problem([chain[0]!.replace('2026', '2027'), chain[1]!])).toContain('not valid');
    expect(problemOfPrevious(chain, { ...now, origin: 'other.test/log' })?.index).toBe(0);
  });

  it('are looked at before anything is signed', async () => {
    const [a, b] = earlier;
    await expect(
      openLogKeys({
        origin: ORIGIN,
        key: { file: join(folder, 'log.key') },
        previous: [await announce(b, a)],
        random: (length) => randomBytes(length),
        nowMs: () => clock.nowMs(),
        stateFolder: folder,
      }),
    ).rejects.toMatchObject({ code: 'log_key_invalid' });
  });
});

describe('the files of a key', () => {
  it('begin together: a mark that says nothing is signed, and no leftovers', async () => {
    const { markFile } = await keys();
    expect(await new FileMark(markFile, ORIGIN).read()).toMatchObject({ size: 0 });
    expect((await readdir(folder)).toSorted()).toEqual([
      'log.key',
      'log.key.mark',
      'log.key.notes',
      'log.key.pepper',
    ]);
    expect((await stat(markFile)).mode & 0o777).toBe(0o600);
  });

  it('are not begun anew when the mark of a used key is gone, truncated or of another log', async () => {
    const { markFile } = await keys();
    const code = async () =>
      new FileMark((await keys()).markFile, ORIGIN).read().catch((error: LogError) => error.code);
    await rm(markFile);
    expect(await code()).toBe('log_mark_missing');
    for (const text of ['', 'null', '{"v":"wattproof.mark/1","origin":"other","size":1}']) {
      await writeFile(markFile, text);
      expect(await code()).toBe('log_mark_invalid');
    }
  });

  it('that others can read are used with a warning', async () => {
    expect((await keys()).warnings).toEqual([]);
    await chmod(join(folder, 'log.key'), 0o644);
    expect((await keys()).warnings).toEqual([expect.stringContaining('mode 644')]);
  });

  it('are refused with their path when they cannot be read', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    await mkdir(join(folder, 'folder.key'));
    for (const name of ['dangling', 'folder.key'])
      await expect(keys(join(folder, name))).rejects.toMatchObject({
        code: 'log_key_unreadable',
        message: expect.stringContaining(name),
      });
  });
});

describe('a checkpoint signer', () => {
  const root = (fill: number) => new Uint8Array(32).fill(fill);

  it('signs one root for each size, and the same again with the same bytes', async () => {
    const { checkpoint, markFile } = await keys();
    const open = () => new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN));
    const note = await open().sign(3, root(1));
    expect(await open().sign(3, root(1))).toBe(note);
    await expect(open().sign(3, root(2))).rejects.toMatchObject({ code: 'log_rolled_back' });
    await expect(open().sign(2, root(1))).rejects.toMatchObject({ code: 'log_rolled_back' });
    expect(await open().sign(4, root(2))).not.toBe(note);
  });

  it('has its mark on disk before a signature exists', async () => {
    const { markFile } = await keys();
    let onDisk = '';
    const watching = {
      name: ORIGIN,
      vkey: (await keys()).checkpoint.vkey,
      sign: async () => ((onDisk = await readFile(markFile, 'utf8')), new Uint8Array(64)),
    };
    await new CheckpointSigner(ORIGIN, watching, new FileMark(markFile, ORIGIN)).sign(7, root(9));
    expect(JSON.parse(onDisk)).toMatchObject({ size: 7, root: '09'.repeat(32) });
  });

  it('signs one root for each size also when two processes over copies of one store share the key', async () => {
    const { checkpoint, markFile } = await keys();
    for (let size = 1; size <= 20; size += 1) {
      const signed = await Promise.allSettled(
        [1, 2, 3, 4].map((fill) =>
          new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN)).sign(
            size,
            root(fill),
          ),
        ),
      );
      const notes = signed.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(new Set(notes).size).toBeLessThanOrEqual(1);
      const { root: marked } = await new FileMark(markFile, ORIGIN).read();
      await new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN)).sign(
        size,
        notes.length === 0 ? root(1) : marked,
      );
    }
    expect((await readdir(folder)).filter((name) => /\.(tmp|\d+)$/.test(name))).toEqual([]);
  });

  it('goes on after a crash between the claim of a size and its mark, with that root only', async () => {
    const { checkpoint, markFile } = await keys();
    const open = () => new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN));
    const text = { v: 'wattproof.mark/1', origin: ORIGIN, size: 1, root: toHex(root(1)) };
    await writeFile(`${markFile}.1`, `${JSON.stringify(text)}\n`);
    await expect(open().sign(1, root(2))).rejects.toMatchObject({ code: 'log_rolled_back' });
    await expect(open().sign(1, root(1))).resolves.toContain(ORIGIN);
  });

  it('refuses a mark it cannot read, rather than starting over', async () => {
    const { checkpoint, markFile } = await keys();
    for (const text of [
      '{',
      '{}',
      JSON.stringify({ v: 'wattproof.mark/1', origin: 'other', size: 1, root: '00'.repeat(32) }),
    ]) {
      await writeFile(markFile, text);
      await expect(
        new CheckpointSigner(ORIGIN, checkpoint, new FileMark(markFile, ORIGIN)).sign(1, root(1)),
      ).rejects.toMatchObject({ code: 'log_mark_invalid' });
    }
  });
});

describe('a batcher', () => {
  it('seals, chains the batches and signs each checkpoint', async () => {
    const store = openMemoryStore({ clock });
    const { batcher, seen, vkey } = await batcherOver(store);
    expect(await batcher.flush()).toBeUndefined();
    for (let round = 0; round < 5; round += 1) {
      await put(store, 3 + round);
      await batcher.flush();
    }
    expect(seen.map(({ number, count }) => [number, count])).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
      [3, 6],
      [4, 7],
    ]);
    let previous = new Uint8Array(32);
    let first = 0;
    for (const batch of seen) {
      const metadata = parseBatchMetadata(batch.metadata);
      expect(metadata).toMatchObject({
        number: batch.number,
        count: batch.count,
        first,
        origin: ORIGIN,
        prev: previous,
      });
      expect(verifyCheckpoint(batch.checkpoint, [parseVkey(vkey)])).toMatchObject({
        size: batch.number + 1,
        root: batch.logRoot,
      });
      previous = Uint8Array.from(batch.logLeaf);
      first += batch.count;
    }
    expect(await auditStore(store)).toMatchObject({ entries: 25, unsealed: 0, problems: [] });
  });

  it('seals by count at once and by age when it is reached', async () => {
    const store = openMemoryStore({ clock });
    const { batcher, seen } = await batcherOver(store, { maxEntries: 10 });
    await put(store, 25);
    expect(await batcher.tick()).toBe(2);
    expect(await batcher.tick()).toBe(0);
    await clock.advance(999);
    expect(await batcher.tick()).toBe(0);
    await clock.advance(1);
    expect(await batcher.tick()).toBe(1);
    expect(seen.map(({ count }) => count)).toEqual([10, 10, 5]);
  });

  it('does not seal what it wrote itself when asked for entries from outside', async () => {
    const store = openMemoryStore({ clock });
    const { batcher } = await batcherOver(store);
    await put(store, 2, { source: 'system' });
    expect(await batcher.flush()).toBeUndefined();
    await put(store, 1);
    expect(await batcher.flush()).toMatchObject({ count: 3, externalCount: 1 });
  });

  it('keeps concurrent batchers apart: every entry in one batch, every size signed once', async () => {
    const store = openMemoryStore({ clock });
    const { signer, vkey } = await batcherOver(store);
    const batchers = await Promise.all(
      Array.from({ length: 8 }, () => batcherOver(store, { maxEntries: 7, signer })),
    );
    const writers = Array.from({ length: 4 }, async () => {
      for (let round = 0; round < 20; round += 1) await put(store, 5);
    });
    const sealing = batchers.map(async ({ batcher }) => {
      for (let round = 0; round < 20; round += 1) await batcher.flush();
    });
    await Promise.all([...writers, ...sealing]);
    while ((await batchers[0]!.batcher.flush()) !== undefined);
    const audit = await auditStore(store);
    expect(audit).toMatchObject({ entries: 400, unsealed: 0, problems: [] });
    expect([...audit.hashes.values()].every((count) => count === 1)).toBe(true);
    for (let number = 0; number < audit.batches; number += 1) {
      const batch = await store.batches.byNumber(number);
      expect(verifyCheckpoint(batch!.checkpoint!, [parseVkey(vkey)]).size).toBe(number + 1);
    }
  });

  it('signs after a crash between commit and signature what it would have signed before', async () => {
    const store = openMemoryStore({ clock });
    await put(store, 4);
    const failing = {
      ...store.batches,
      putCheckpoint: async () => Promise.reject(new Error('power cut')),
    };
    const bound = Object.assign(Object.create(store.batches) as BatchStore, {
      putCheckpoint: failing.putCheckpoint,
    });
    const crashed = await batcherOver(store, { batches: bound });
    await expect(crashed.batcher.flush()).rejects.toThrow('power cut');
    expect(crashed.seen).toEqual([]);
    expect(await store.batches.unsigned()).toHaveLength(1);

    const { batcher, seen } = await batcherOver(store);
    await batcher.resume();
    expect(seen).toHaveLength(1);
    expect(await store.batches.unsigned()).toEqual([]);
  });
});

describe('a database restored from an older copy', () => {
  async function grown(batches: number): Promise<Store> {
    const store = openMemoryStore({ clock });
    for (let i = 0; i < batches; i += 1) {
      await put(store, 2);
      await (await batcherOver(store)).batcher.flush();
    }
    return store;
  }

  it('never leads to a second checkpoint of one size, checked at start or not', async () => {
    await grown(3);
    const older = openMemoryStore({ clock });
    await put(older, 2);
    const unchecked = await batcherOver(older);
    await expect(unchecked.batcher.flush()).rejects.toMatchObject({ code: 'log_rolled_back' });
    expect(unchecked.seen).toEqual([]);

    const checked = await batcherOver(openMemoryStore({ clock }));
    await checked.batcher.checkContinuity(undefined);
    expect(checked.batcher.refusal).toMatchObject({ code: 'log_rolled_back' });
    await expect(checked.batcher.tick()).resolves.toBe(0);
    await expect(checked.batcher.flush()).rejects.toMatchObject({ code: 'log_rolled_back' });
  });

  it('is not hidden by a mark that was deleted, with or without the announcements beside it', async () => {
    const store = await grown(2);
    const { markFile } = await keys();
    for (const gone of [markFile, markFile.replace('.mark', '.notes')]) {
      await rm(gone);
      const { batcher, seen } = await batcherOver(store);
      await batcher.checkContinuity(undefined);
      expect(batcher.refusal).toMatchObject({ code: 'log_mark_missing' });
      await put(store, 1);
      await expect(batcher.flush()).rejects.toMatchObject({ code: 'log_mark_missing' });
      expect(seen).toEqual([]);
    }
  });

  it('is noticed by what a ledger holds when key and mark were restored with it', async () => {
    const store = await grown(2);
    const signer = new CheckpointSigner(ORIGIN, (await keys()).checkpoint, new MemoryMark());
    const { batcher } = await batcherOver(store, { signer });
    const root = (await store.batches.byNumber(1))!.logRoot;
    await batcher.checkContinuity({
      anchor: 'local',
      size: 2n,
      digest: commitmentDigest(ORIGIN, 2, root),
    });
    expect(batcher.refusal).toBeUndefined();
    await batcher.checkContinuity({ anchor: 'local', size: 3n, digest: new Uint8Array(32) });
    expect(batcher.refusal).toMatchObject({ code: 'log_rolled_back' });
    await batcher.checkContinuity({ anchor: 'local', size: 2n, digest: new Uint8Array(32) });
    expect(batcher.refusal).toMatchObject({ code: 'log_rolled_back' });
  });
});
