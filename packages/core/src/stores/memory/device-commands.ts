import {
  type CommandAnswer,
  isFinal,
  stateAt,
  type StoredCommand,
} from '../../device-commands/device-command.js';
import type {
  AnswerOutcome,
  DeviceCommandStore,
} from '../../device-commands/device-command.store.js';
import type { ReportsOfMeter } from '../../logs/erasure.store.js';
import type { Journaled } from '../../logs/journal.js';
import { toHex } from '../../verify/bytes.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import type { MemoryChanges } from './memory-changes.js';

export class MemoryDeviceCommands implements DeviceCommandStore {
  private readonly commands = new Map<string, StoredCommand>();
  /** Their places, in the order in which they were asked. */
  private readonly arrivals = new Map<string, bigint>();
  private last = 0n;

  constructor(private readonly changes: MemoryChanges) {}

  put(
    command: StoredCommand,
    most: { readonly open: number; readonly openOfMeter: number },
  ): Promise<'kept' | 'known' | 'full'> {
    return this.changes.run(() => {
      if (this.commands.has(command.id)) return 'known';
      const open = this.open();
      const own = open.filter(({ meterId }) => meterId === command.meterId);
      if (open.length >= most.open || own.length >= most.openOfMeter) return 'full';
      this.last += 1n;
      this.arrivals.set(command.id, this.last);
      this.commands.set(command.id, command);
      return 'kept';
    });
  }

  async get(id: string): Promise<StoredCommand | undefined> {
    return this.commands.get(id);
  }

  async list(query: Parameters<DeviceCommandStore['list']>[0]) {
    const behind = query.cursor === undefined ? undefined : readNumberCursor(query.cursor);
    const found = [...this.commands.values()]
      .filter(
        (one) =>
          one.meterId === query.meterId &&
          (query.accountId ?? one.accountId) === one.accountId &&
          (query.in === undefined || stateAt(one, query.in.nowMs) === query.in.state) &&
          (behind === undefined || this.place(one) < behind),
      )
      .toSorted((a, b) => (this.place(a) > this.place(b) ? -1 : 1));
    return page(found, query.limit, (one) => numberCursor(this.place(one)));
  }

  async due(
    { nowMs, pauseMs }: { readonly nowMs: number; readonly pauseMs: number },
    limit: number,
    behind?: { readonly nextSendAtMs: number; readonly id: string },
  ): Promise<readonly StoredCommand[]> {
    return this.open()
      .filter(
        (one) =>
          (one.nextSendAtMs <= nowMs || one.nextSendAtMs > nowMs + pauseMs) &&
          one.deadlineMs >= nowMs &&
          (behind === undefined || inOrder(behind, one) < 0),
      )
      .toSorted(inOrder)
      .slice(0, limit);
  }

  markSent(id: string, atMs: number, nextSendAtMs: number): Promise<void> {
    return this.changes.run(() => {
      const found = this.commands.get(id);
      if (found === undefined || isFinal(found.state)) return;
      const { sends, sentAtMs = atMs } = found;
      this.commands.set(id, {
        ...found,
        state: 'sent',
        sends: sends + 1,
        sentAtMs,
        nextSendAtMs,
      });
    });
  }

  answer(id: string, answer: CommandAnswer, told: Journaled): Promise<AnswerOutcome> {
    return this.changes.run(async (journal): Promise<AnswerOutcome> => {
      const found = this.commands.get(id);
      if (found?.answer !== undefined)
        return toHex(found.answer.hash) === toHex(answer.hash) ? 'duplicate' : 'contradicts';
      if (found === undefined || isFinal(found.state) || answer.atMs > found.deadlineMs)
        return 'late';
      await journal(told);
      this.commands.set(id, { ...found, state: 'answered', answer });
      return 'accepted';
    });
  }

  expire(
    nowMs: number,
    limit: number,
    tell: (command: StoredCommand) => Journaled,
  ): Promise<number> {
    return this.changes.run(async (journal) => {
      const over = this.open()
        .filter(({ deadlineMs }) => deadlineMs < nowMs)
        .slice(0, limit);
      for (const command of over) {
        const ended: StoredCommand = { ...command, state: 'timeout' };
        await journal(tell(ended));
        this.commands.set(command.id, ended);
      }
      return over.length;
    });
  }

  async counts(): ReturnType<DeviceCommandStore['counts']> {
    const counts = { pending: 0, sent: 0, answered: 0, timeout: 0 };
    for (const { state } of this.commands.values()) counts[state] += 1;
    return counts;
  }

  prune(beforeMs: number): Promise<void> {
    return this.changes.run(() => {
      for (const { id, state, deadlineMs } of this.commands.values())
        if (isFinal(state) && deadlineMs < beforeMs) this.delete(id);
    });
  }

  /** For who is in a transaction already: ids of commands that were asked then and whose deadline is over. */
  eraseReports(
    { meterId: of, fromMs = -Infinity, toMs = Infinity }: ReportsOfMeter,
    nowMs: number,
  ): readonly string[] {
    const over = [...this.commands.values()].filter(
      ({ meterId, state, deadlineMs, askedAtMs }) =>
        meterId === of &&
        isFinal(state) &&
        deadlineMs < nowMs &&
        askedAtMs >= fromMs &&
        askedAtMs < toMs,
    );
    for (const { id } of over) this.delete(id);
    return over.map(({ id }) => id);
  }

  private delete(id: string): void {
    this.commands.delete(id);
    this.arrivals.delete(id);
  }

  private place({ id }: StoredCommand): bigint {
    return this.arrivals.get(id) ?? 0n;
  }

  private open(): readonly StoredCommand[] {
    return [...this.commands.values()].filter(({ state }) => !isFinal(state));
  }
}

type Place = Pick<StoredCommand, 'nextSendAtMs' | 'id'>;

function inOrder(a: Place, b: Place): number {
  return a.nextSendAtMs - b.nextSendAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
