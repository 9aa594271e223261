import { z } from 'zod';

const PROTOCOLS: ReadonlySet<string> = new Set(['mqtt:', 'mqtts:', 'ws:', 'wss:']);

/** No credentials in the URL: it is shown in messages. */
export function isMqttUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return PROTOCOLS.has(url.protocol) && url.username === '' && url.password === '';
}

/** The gateway as a client of a broker. */
export const ClientConfig = z.strictObject({
  version: z.enum(['5', '3.1.1']).default('5').describe('Protocol version the broker speaks.'),
});
export type ClientConfig = z.infer<typeof ClientConfig>;
