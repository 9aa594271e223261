import { z } from 'zod';

/** The embedded broker. */
export const BrokerConfig = z.strictObject({
  port: z.int().min(0).max(65_535).default(1883).describe('Port to listen on; 0 takes a free one.'),
});
export type BrokerConfig = z.infer<typeof BrokerConfig>;
