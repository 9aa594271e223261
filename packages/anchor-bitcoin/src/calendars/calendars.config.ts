import { z } from 'zod';
import {
  backendFields,
  EACH_NODE_ONCE,
  hasOneNode,
  namesEachNodeOnce,
  ONE_NODE,
} from '../backend.config.js';
import { BITCOIN_NETWORKS } from '../bitcoin.config.js';
import { httpUrl } from '../http-url.js';

const PUBLIC_CALENDARS = [
  'https://alice.btc.calendar.opentimestamps.org',
  'https://bob.btc.calendar.opentimestamps.org',
  'https://finney.calendar.eternitywall.com',
  'https://btc.calendar.catallaxy.com',
];

export const CalendarsConfig = z
  .strictObject({
    network: z.enum(BITCOIN_NETWORKS).default('mainnet').describe('Where the calendars anchor.'),
    ...backendFields,
    calendars: z
      .array(httpUrl.regex(/[^/]$/, 'A calendar is named without a slash at its end.'))
      .min(1)
      .max(16)
      .default(PUBLIC_CALENDARS)
      .describe('OpenTimestamps calendars that are given each commitment.'),
    atLeast: z
      .int()
      .min(1)
      .max(16)
      .default(2)
      .describe('How many of them must have taken a commitment.'),
    timeoutMs: z.int().min(100).default(10_000).describe('How long one calendar may take.'),
    confirmations: z
      .int()
      .min(1)
      .max(144)
      .default(6)
      .describe('Blocks until an anchor counts as final.'),
  })
  .refine(hasOneNode, ONE_NODE)
  .refine(namesEachNodeOnce, EACH_NODE_ONCE)
  .refine(({ calendars, atLeast }) => new Set(calendars).size >= atLeast, {
    message: '"atLeast" is more than there are calendars.',
  });
export type CalendarsConfig = z.infer<typeof CalendarsConfig>;
