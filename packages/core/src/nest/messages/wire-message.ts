/**
 * A message as it came over the wire: its bytes verbatim, so that number literals stay exact and what JSON forbids is
 * told, and not lost. Nest's own deserializers give what `JSON.parse` made of them instead.
 */
export class WireMessage {
  constructor(
    /** JSON text of the data of a Nest packet; of a sender that knows nothing of Nest the whole message. */
    readonly data: string | Uint8Array,
    /** Whether the sender waits for an answer. */
    readonly answered: boolean,
  ) {}
}
