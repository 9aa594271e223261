// Readings of a simulated fleet in the forms a gateway takes them in, built before anything is measured.
import { createHash } from 'node:crypto';
import { readingDocument } from '@wattproof/core/simulator';

const INTERVAL_MS = 900_000;
export const PER_MESSAGE = 100;
const FIRST_MS = Date.UTC(2020, 0, 1);

/** Every window is a stretch of time no other one touches. */
export class ReadingSource {
  #startsMs = FIRST_MS;

  constructor(fleet) {
    this.fleet = fleet;
  }

  /** `count` documents, meter after meter within an interval, as a concentrator collects them. */
  byInterval(count) {
    const found = [];
    while (found.length < count) {
      const startsMs = this.#startsMs;
      this.#startsMs += INTERVAL_MS;
      for (const member of this.fleet)
        found.push({ member, document: documentOf(member, startsMs) });
    }
    return found.slice(0, count);
  }

  /** `count` documents, each meter's consecutive intervals together, as one device keeps them. */
  byMeter(count) {
    const found = [];
    while (found.length < count) {
      for (const member of this.fleet)
        for (let i = 0; i < PER_MESSAGE; i += 1)
          found.push({ member, document: documentOf(member, this.#startsMs + i * INTERVAL_MS) });
      this.#startsMs += PER_MESSAGE * INTERVAL_MS;
    }
    return found.slice(0, count);
  }
}

function documentOf({ meter }, startsMs) {
  const interval = meter.interval(startsMs, startsMs + INTERVAL_MS);
  return readingDocument(meter, interval, startsMs / INTERVAL_MS);
}

// Strangers send no unsigned readings of a registered meter, so those are of meters that nobody registered.
const envelope =
  (signed) =>
  ({ member, document }) =>
    signed
      ? member.device.signReading('reading/1', document)
      : { format: 'reading/1', document: { ...document, meter: `${document.meter}-unsigned` } };

const JSON_TYPE = 'application/json';

/** Each form gives `{ contentType, body, readings }` from a source and a number of readings. */
export const FORMS = {
  single: (source, count, signed) =>
    source.byInterval(count).map((one) => ({
      contentType: JSON_TYPE,
      body: JSON.stringify(envelope(signed)(one)),
      readings: 1,
    })),
  'array of 100': (source, count, signed) =>
    chunks(source.byInterval(count)).map((list) => ({
      contentType: JSON_TYPE,
      body: JSON.stringify(list.map(envelope(signed))),
      readings: list.length,
    })),
  'NDJSON of 100': (source, count, signed) =>
    chunks(source.byInterval(count)).map((list) => ({
      contentType: 'application/x-ndjson',
      body: list.map((one) => JSON.stringify(envelope(signed)(one))).join('\n'),
      readings: list.length,
    })),
  'signed batch of 100': (source, count) =>
    chunks(source.byMeter(count)).map((list, index) => ({
      contentType: JSON_TYPE,
      body: JSON.stringify(
        list[0].member.device.signBatch(
          'reading/1',
          list.map(({ document }) => document),
          createHash('sha256').update(`${list[0].document.start}/${index}`).digest(),
        ),
      ),
      readings: list.length,
    })),
};

function chunks(list) {
  return Array.from({ length: Math.ceil(list.length / PER_MESSAGE) }, (_, i) =>
    list.slice(i * PER_MESSAGE, (i + 1) * PER_MESSAGE),
  );
}
