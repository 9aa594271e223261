import type { JsonObject } from '../spi/index.js';

export type AnchorEventType = 'anchor.included' | 'anchor.final' | 'anchor.reorged';

export interface AnchorEvent {
  /** Same for the same fact, so that delivery at least once can be made once. */
  readonly key: string;
  readonly type: AnchorEventType;
  readonly atMs: number;
  readonly data: JsonObject;
}

/** Where the engine tells what happened. Called before the state moves: an event may repeat, never be missing. */
export interface AnchorEvents {
  publish(event: AnchorEvent): Promise<void>;
}
