import type { NewNotice, Notice, NoticeStore } from '../../events/notices/notice.store.js';
import { forgottenNotice } from '../../events/notices/forgotten-notice.js';
import { type ForgottenReports, isForgotten } from '../committed-events.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { noticeId, numberOfNotice } from '../notice-id.js';

type Kept = Notice &
  Pick<NewNotice, 'topic' | 'entryId'> & {
    readonly number: bigint;
    readonly lastEventId: string;
  };

export class MemoryNotices implements NoticeStore {
  private kept: Kept[] = [];
  private last = 0n;

  constructor(private readonly isErased: (entryId: string) => boolean) {}

  async put(notices: readonly NewNotice[]): Promise<void> {
    for (const given of notices) {
      const { eventId, ...rest } = given;
      const alike = this.kept.filter(
        ({ accountId, topic }) => accountId === given.accountId && topic === given.topic,
      );
      if (alike.some(({ lastEventId }) => lastEventId >= eventId)) continue;
      const unread = alike.find(({ readAtMs }) => readAtMs === undefined);
      if (unread === undefined) this.last += 1n;
      const number = unread?.number ?? this.last;
      const kept = {
        ...(given.entryId !== undefined && this.isErased(given.entryId)
          ? { ...rest, ...forgottenNotice(given.entryId, String(number)) }
          : rest),
        id: noticeId(number),
        number,
        count: (unread?.count ?? 0) + 1,
        lastEventId: eventId,
      };
      this.kept = [...this.kept.filter((one) => one !== unread), kept];
    }
  }

  async list(query: Parameters<NoticeStore['list']>[0]) {
    const before = query.cursor === undefined ? undefined : readNumberCursor(query.cursor);
    const found = this.kept
      .filter(
        ({ accountId, number, readAtMs }) =>
          accountId === query.accountId &&
          (before === undefined || number < before) &&
          (query.unread !== true || readAtMs === undefined),
      )
      .sort((a, b) => (a.number > b.number ? -1 : 1));
    const { items, ...rest } = page(found, query.limit, (last) => numberCursor(last.number));
    return { ...rest, items: items.map(shown) };
  }

  async unread(accountId: string): Promise<number> {
    return this.kept.filter((one) => one.accountId === accountId && one.readAtMs === undefined)
      .length;
  }

  async markRead(id: string, accountId: string, atMs: number): Promise<Notice | undefined> {
    const place = this.kept.findIndex(
      (one) => one.number === numberOfNotice(id) && one.accountId === accountId,
    );
    const found = this.kept[place];
    if (found === undefined) return undefined;
    const read = { ...found, readAtMs: found.readAtMs ?? atMs };
    this.kept[place] = read;
    return shown(read);
  }

  async forgetEntries(entryIds: readonly string[]): Promise<void> {
    this.forget(new Set(entryIds));
  }

  forget(entryIds: ReadonlySet<string>): void {
    this.kept = this.kept.map((one) =>
      one.entryId !== undefined && entryIds.has(one.entryId)
        ? { ...one, ...forgottenNotice(one.entryId, String(one.number)) }
        : one,
    );
  }

  forgetReports(forgotten: ForgottenReports): void {
    this.kept = this.kept.filter((one) => !isForgotten(one, forgotten));
  }

  async prune(beforeMs: number): Promise<number> {
    const before = this.kept.length;
    this.kept = this.kept.filter(({ atMs, readAtMs }) => (readAtMs ?? atMs) >= beforeMs);
    return before - this.kept.length;
  }
}

function shown(kept: Kept): Notice {
  const { topic: _topic, entryId: _entry, number: _number, lastEventId: _last, ...notice } = kept;
  return notice;
}
