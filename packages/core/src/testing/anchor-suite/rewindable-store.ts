import type { Clock } from '../../spi/index.js';
import { openMemoryStore } from '../../stores/memory/open-memory-store.js';
import type { RunStore } from './suite-options.js';

type Door = 'anchors' | 'leases';

interface Write {
  readonly atMs: number;
  readonly door: Door;
  readonly method: string;
  readonly args: readonly unknown[];
}

const WRITES: readonly string[] = [
  'putIntent',
  'putAttempt',
  'moveAttempt',
  'moveIntent',
  'touch',
  'putEvidence',
  'acquire',
  'renew',
  'release',
];

/** A store in memory of which any earlier state can be had again, as from a backup. */
export interface RewindableStore extends RunStore {
  /** Writes so far. */
  readonly writes: number;
  /** Another store, with the first `writes` writes of this one in it and on its own from there. */
  copyAt(writes: number): Promise<RewindableStore>;
}

export async function rewindableStore(
  clock: Clock,
  lent: Pick<RunStore, 'instanceId' | 'expireLeases'>,
  past: readonly Write[] = [],
): Promise<RewindableStore> {
  let writtenAtMs: number | undefined;
  const store = openMemoryStore({ clock: { nowMs: () => writtenAtMs ?? clock.nowMs() } });
  const apply = async ({ door, method, args }: Write): Promise<unknown> => {
    const call = Reflect.get(store[door], method) as (...given: readonly unknown[]) => unknown;
    return Reflect.apply(call, store[door], args);
  };
  for (const write of past) {
    writtenAtMs = write.atMs;
    // What was refused then is refused again.
    await apply(write).catch(() => undefined);
  }
  writtenAtMs = undefined;

  const log = [...past];
  const recorded = <T extends object>(target: T, door: Door): T =>
    new Proxy(target, {
      get: (object, property) => {
        const member: unknown = Reflect.get(object, property, object);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]): Promise<unknown> => {
          const write = { atMs: clock.nowMs(), door, method: String(property), args };
          if (WRITES.includes(write.method)) log.push(write);
          return apply(write);
        };
      },
    });
  return {
    ...lent,
    anchors: recorded(store.anchors, 'anchors'),
    leases: recorded(store.leases, 'leases'),
    close: () => store.close(),
    get writes() {
      return log.length;
    },
    copyAt: (writes) => rewindableStore(clock, lent, log.slice(0, writes)),
  };
}
