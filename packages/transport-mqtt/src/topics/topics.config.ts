import { z } from 'zod';
import { COMMAND_SHAPES } from '../payloads/command-shapes.js';
import { PAYLOAD_KINDS } from '../payloads/payload-kinds.js';
import { type PresetName, PRESETS } from './presets.js';
import { TopicMapError } from './topic-error.js';
import type { TopicMap } from './topic-map.js';
import { TopicMaps } from './topic-maps.js';

const pattern = z
  .string()
  .min(1)
  .max(1_024)
  .describe('Levels are words or places: {site}, {device}, {meter}, {transfer}.');

const CustomMap = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
    .describe('Named in messages.'),
  takes: z
    .array(z.strictObject({ pattern, payload: z.enum(PAYLOAD_KINDS) }))
    .min(1)
    .max(100)
    .describe('Topics devices publish on, and what each carries.'),
  receipts: pattern.optional().describe('Where a device reads what became of its readings.'),
  commands: z
    .array(
      z.strictObject({
        pattern,
        shape: z.enum(COMMAND_SHAPES).default('command'),
        command: z.string().optional().describe('Only requests of this name go there.'),
      }),
    )
    .max(20)
    .optional()
    .describe('Where a device reads requests.'),
});

const presetNames = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** What is wrong with a map, in place of "Invalid input": it is either a name or a map, never both. */
function wrongMap({
  input,
  errors = [],
}: {
  input?: unknown;
  errors?: z.core.$ZodIssue[][];
}): string {
  if (typeof input === 'string')
    return `There is no map "${input}". Known are ${presetNames.join(', ')}; others are written out (name, takes).`;
  const [, ofCustom = []] = errors;
  return ofCustom
    .map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
    .join('; ');
}

/** Topics and what they prove. */
export const topicFields = {
  maps: z
    .array(
      z.union([z.enum(presetNames), CustomMap], { error: (issue) => wrongMap(issue as never) }),
    )
    .min(1)
    .max(20)
    .default(['wattproof'])
    .describe('Which topics are taken: names of products, or maps of your own.'),
  topicsAreAuthenticated: z
    .boolean()
    .default(false)
    .describe(
      'True when the broker lets nobody publish on a topic but the device it names: then an unsigned reading counts as the device sent it.',
    ),
  receipts: z
    .enum(['own', 'all', 'none'])
    .default('own')
    .describe(
      'Who is told what became of its readings: devices whose map names a topic for it, all devices (on wattproof/v1/{device}/receipts), or nobody.',
    ),
  maxReceipts: z
    .int()
    .min(1)
    .max(100_000)
    .default(2_000)
    .describe('Receipts that may be on their way at once; more are dropped and counted.'),
  maxMessageBytes: z
    .int()
    .min(1_024)
    .max(16_777_216)
    .default(1_048_576)
    .describe('A longer payload is a dead letter.'),
  // One a second of each of ten; enough to see what is wrong, and no more than a store notices.
  strangerLettersPerMinute: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(600)
    .describe(
      'Dead letters of senders that nobody knows, of one of them a tenth; what is beyond is refused, counted and not kept.',
    ),
};

interface Mapped {
  readonly maps: readonly (PresetName | z.infer<typeof CustomMap>)[];
  readonly receipts: 'own' | 'all' | 'none';
}

/** Why the maps cannot be used together, and the code of it. */
export function mapsProblem(config: Mapped): string | undefined {
  try {
    void new TopicMaps(mapsOf(config));
    return undefined;
  } catch (error) {
    if (!(error instanceof TopicMapError)) throw error;
    return `${error.message} (${error.code})`;
  }
}

/** The maps that a configuration names, presets by their name, with the topics of receipts it asks for. */
export function mapsOf({ maps, receipts }: Mapped): TopicMap[] {
  return maps.map((one) => {
    const { receipts: own, ...map } = (typeof one === 'string' ? PRESETS[one] : one) as TopicMap;
    const topic = receipts === 'all' ? (own ?? PRESETS.wattproof.receipts) : own;
    return receipts === 'none' || topic === undefined ? map : { ...map, receipts: topic };
  });
}
