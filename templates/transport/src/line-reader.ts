/** A line that has no end within the limit: nobody knows where the next one would begin. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/** Lines of a stream without their line feed. The bytes stay as they came: signatures are over them. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (end > maxBytes) throw new LineTooLong(`a line has more than ${maxBytes} bytes`);
      const line = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      yield line;
    }
    if (rest.length > maxBytes) throw new LineTooLong(`a line has more than ${maxBytes} bytes`);
  }
  // What has no line feed was cut off: its sender was never told anything and sends it again.
}
