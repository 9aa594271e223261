import { z } from 'zod';

export const WsConfig = z.strictObject({
  /** Where the gateway's own server takes connections. */
  path: z.string().startsWith('/').max(256).default('/ws'),
});
export type WsConfig = z.output<typeof WsConfig>;
