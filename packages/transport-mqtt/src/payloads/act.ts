import type { DeviceDesk, InboundMessage } from '@wattproof/core/spi';

type Told<Method extends 'presence' | 'telemetry' | 'alert' | 'progress'> = Parameters<
  DeviceDesk[Method]
>[0];

/** One thing a message says, and what is done about it. A message may say several. */
export type Act =
  | {
      readonly kind: 'readings';
      readonly contentType: InboundMessage['contentType'];
      readonly bytes: Uint8Array;
      /** The meter the topic names. */
      readonly meter: string;
    }
  | { readonly kind: 'presence'; readonly change: Told<'presence'> }
  | { readonly kind: 'telemetry'; readonly report: Told<'telemetry'> }
  | { readonly kind: 'alert'; readonly alert: Told<'alert'> }
  | { readonly kind: 'progress'; readonly report: Told<'progress'> }
  | {
      readonly kind: 'answer';
      readonly device: string;
      readonly bytes: Uint8Array;
      /** Of firmware that repeats an order and not the command's id: the answer in `bytes` has the order for its id. */
      readonly order?: string;
    };
