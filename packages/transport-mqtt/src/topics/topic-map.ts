import type { CommandShape } from '../payloads/command-shapes.js';
import type { PayloadKind } from '../payloads/payload-kinds.js';

/** Topics of one product: which payload each carries in, and what goes out where. Patterns have places (`TopicPattern`). */
export interface TopicMap {
  readonly name: string;
  readonly takes: readonly { readonly pattern: string; readonly payload: PayloadKind }[];
  /** Where a device reads what became of its readings. */
  readonly receipts?: string;
  /** Where it reads requests; `command`: only requests of that name go there. */
  readonly commands?: readonly {
    readonly pattern: string;
    readonly shape: CommandShape;
    readonly command?: string;
  }[];
}
