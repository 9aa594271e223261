import { z } from 'zod';
import { BrokerConfig } from './broker/broker.config.js';
import { ClientConfig, isMqttUrl, isTlsUrl } from './client/client.config.js';
import { mapsProblem, topicFields } from './topics/topics.config.js';

/** What an operator writes. An unknown key is an error, and every default and limit stands here or in the schemas it names. */
export const MqttConfig = z
  .strictObject({
    url: z
      .string()
      .refine(isMqttUrl, {
        message:
          'A broker is named by mqtt://, mqtts://, ws:// or wss:// and its host, without credentials.',
      })
      .optional()
      .describe('Broker to connect to: mqtt://, mqtts://, ws:// or wss://.'),
    client: ClientConfig.optional().describe('How the broker of "url" is used.'),
    listen: BrokerConfig.optional().describe('Be the broker instead: devices connect here.'),
    ...topicFields,
  })
  .refine(({ url, listen }) => (url === undefined) !== (listen === undefined), {
    message: 'Exactly one of "url" (use a broker) and "listen" (be the broker) is given.',
  })
  .refine(({ listen, client }) => listen === undefined || client === undefined, {
    path: ['client'],
    message: 'Says how the broker of "url" is used; leave it out with "listen".',
  })
  .refine(({ url, client }) => client?.tls === undefined || url === undefined || isTlsUrl(url), {
    path: ['client', 'tls'],
    message: 'Nothing is encrypted by mqtt:// and ws://: write mqtts:// or wss:// in "url".',
  })
  // Here devices are known by what they show; who shows nothing must not be worth what a device is.
  .refine(({ listen, topicsAreAuthenticated }) => listen === undefined || !topicsAreAuthenticated, {
    path: ['topicsAreAuthenticated'],
    message: 'Says what the broker of "url" checks; leave it out with "listen".',
  })
  .superRefine((config, context) => {
    const message = mapsProblem(config);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['maps'], message });
  });
export type MqttConfig = z.infer<typeof MqttConfig>;
