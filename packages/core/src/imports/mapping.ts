import { z } from 'zod';
import { isTimeZone } from './local-time.js';

const column = z.string().min(1).max(256);
const id = z.string().min(1).max(256);

/** What the text of an instant looks like: RFC 3339 (an offset without colon is read too), or letters for digits. */
const TimeForm = z
  .string()
  .max(64)
  .regex(
    /^(?:iso|unix-s|unix-ms|(?=.*yyyy)(?=.*MM)(?=.*dd)(?:yyyy|MM|dd|HH|mm|ss|[-/. :T,f])+)$/,
    'expected iso, unix-s, unix-ms, or a form such as "dd/MM/yyyy HH:mm:ss"',
  )
  // Part beside part could be divided in ever more ways, and each would be tried.
  .refine((form) => {
    const parts = form.match(/yyyy|MM|dd|HH|mm|ss|f/g) ?? [];
    return new Set(parts).size === parts.length;
  }, 'expected each of yyyy, MM, dd, HH, mm, ss and f once at most');

/** An IANA name. */
export const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'expected an IANA time zone such as Europe/London');

/** One column of a meter. */
const Register = z.strictObject({
  column,
  /** Field of `reading/1` it becomes. */
  field: z.enum(['import_kwh', 'export_kwh', 'generation_kwh']),
  /** A cumulative register, the energy of one interval, or the mean power over it. */
  kind: z.enum(['register', 'interval', 'mean-power']),
  unit: z.enum(['kWh', 'Wh', 'kW', 'W']),
  /** The value is an estimate when this column holds this text. */
  estimated: z.strictObject({ column, contains: z.string().min(1).max(256) }).optional(),
});

const Meter = z.strictObject({
  /** The meter's id; with `idColumn`, what stands before the column's text. */
  id: id.optional(),
  idColumn: column.optional(),
  site: id,
  device: id.optional(),
  registers: z.array(Register).min(1).max(16),
});

/** What rows of any origin have: their instant, and columns of meters. */
export const ROW_SHAPE = {
  time: z.strictObject({
    /** Joined with a blank when there are several. */
    columns: z.array(column).min(1).max(3),
    form: TimeForm.default('iso'),
    /** Zone of instants that state none: an IANA name. */
    zone: TimeZone.default('UTC'),
    /** Whether an interval's instant is its first or its last. Registers are read at their instant. */
    stamps: z.enum(['start', 'end']).default('end'),
  }),
  /** Length of one interval in seconds; of registers: how often they are read, which tells what is missing. */
  intervalS: z.int().min(1).max(31_622_400),
  /** Texts that say there is no value. */
  missing: z.array(z.string().max(64)).max(16).default(['']),
  meters: z.array(Meter).min(1).max(256),
} as const;

const RowMappingSchema = z.strictObject(ROW_SHAPE);
/** How a row becomes readings. */
export type RowMapping = z.output<typeof RowMappingSchema>;

/** What no schema of one meter can see. */
export function checkMeters(
  { meters }: Pick<RowMapping, 'meters'>,
  context: z.RefinementCtx,
): void {
  const wrong = (message: string, ...path: readonly (string | number)[]): void =>
    context.addIssue({ code: 'custom', path: ['meters', ...path], message });
  for (const [index, meter] of meters.entries()) {
    if (meter.id === undefined && meter.idColumn === undefined)
      wrong('id or idColumn is needed', index);
    for (const [at, { kind, unit }] of meter.registers.entries())
      if ((kind === 'mean-power') !== (unit === 'kW' || unit === 'W'))
        wrong(
          kind === 'mean-power' ? 'mean power is in kW or W' : 'energy is in kWh or Wh',
          index,
          'registers',
          at,
          'unit',
        );
    const fields = meter.registers.map(({ field }) => field);
    if (new Set(fields).size < fields.length)
      wrong('two columns become the same field', index, 'registers');
  }
}

/** How the rows of a file become readings. Unknown keys are errors. */
export const ImportMapping = z
  .strictObject({
    format: z.enum(['csv', 'ndjson']),
    /** Of CSV (RFC 4180); the first row names the columns. */
    delimiter: z
      .string()
      .regex(/^[\t -!#-~]$/, 'expected one character of ASCII that is no quote')
      .default(','),
    ...ROW_SHAPE,
  })
  .superRefine(checkMeters);
export type ImportMapping = z.output<typeof ImportMapping>;
export type ImportMappingInput = z.input<typeof ImportMapping>;
export type MappedMeter = RowMapping['meters'][number];
export type MappedRegister = MappedMeter['registers'][number];
