import { z } from 'zod';
import { checkMeters, ROW_SHAPE } from '../../imports/index.js';

const DAY_S = 86_400;

/** `{from}` and `{to}`, plain for RFC 3339, or as `{from:unix-s}`, `{to:unix-ms}`. */
export const PLACEHOLDER = /\{(from|to)(?::(iso|unix-s|unix-ms))?\}/g;

/** What is left in braces is a time that was written wrong: the source would be asked for it word by word. */
function hasOtherPlaces(text: string): boolean {
  return /[{}]/.test(text.replaceAll(PLACEHOLDER, ''));
}

function isHttpUrl(text: string): boolean {
  const [url, later] = ['0', '1'].map((time) => URL.parse(text.replaceAll(PLACEHOLDER, time)));
  // A time in the host would be another source each time, and seldom a URL.
  return url?.origin === later?.origin && ['http:', 'https:'].includes(url?.protocol ?? '');
}

/** Whether it holds a user or a password: `fetch` takes no such URL, and says it whole in its error. */
function hasCredentials(text: string): boolean {
  const { username = '', password = '' } = URL.parse(text) ?? {};
  return username !== '' || password !== '';
}

/** A meter, inverter or portal that answers HTTP with JSON. Unknown keys are errors. */
export const HttpSourceConfig = z
  .strictObject({
    /** Where `{from}` and `{to}` stand for the time that is asked for; without them it tells what it has. */
    url: z
      .string()
      .refine(isHttpUrl, 'expected http:// or https:// with a host, and times behind it')
      .refine(
        (text) => !hasOtherPlaces(text),
        'in braces stand {from} and {to}, {from:unix-s} or {to:unix-ms}; other braces are %7B and %7D',
      )
      .refine(
        (text) => !hasCredentials(text),
        'a user or a password goes into headers, as Authorization',
      ),
    headers: z
      .record(
        z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
        z
          .string()
          .regex(/^[\t\x20-\x7e]{0,4096}$/, 'expected up to 4096 printable characters of ASCII'),
      )
      .meta({ secret: true })
      .default({}),
    /** Place of the rows in the answer, names with points between: `data.values`. Absent: the answer is the rows, or one. */
    rows: z.string().min(1).max(256).optional(),
    /** How often it is asked. */
    everyS: z.int().min(1).max(DAY_S).default(900),
    timeoutMs: z.int().min(1).max(600_000).default(10_000),
    /** Longest answer that is read. */
    maxBytes: z.int().min(1).max(67_108_864).default(1_048_576),
    /** How far back the first question goes, and the oldest gap that is asked for again. */
    backfillS: z
      .int()
      .min(0)
      .max(366 * DAY_S)
      .default(7 * DAY_S),
    /** The longest time that one question spans. */
    windowS: z
      .int()
      .min(1)
      .max(366 * DAY_S)
      .default(DAY_S),
    ...ROW_SHAPE,
  })
  .superRefine(checkMeters)
  .refine(
    ({ meters }) => meters.every(({ id, idColumn }) => id !== undefined && idColumn === undefined),
    {
      path: ['meters'],
      message: 'a source is sure of its meters by their ids: name each with id, not idColumn',
    },
  );
export type HttpSourceConfig = z.output<typeof HttpSourceConfig>;
