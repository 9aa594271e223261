import type { Logger } from '@wattproof/core/spi';
import { type DestinationStream, pino } from 'pino';

/** Names of fields whose values are never written, at the top of the fields and one level down. */
const SECRET_FIELDS = [
  'adminApiKey',
  'apiKey',
  'authorization',
  'key',
  'mnemonic',
  'password',
  'privateKey',
  'secret',
  'token',
  'x-api-key',
];

const HIDDEN = '[redacted]';
/** The password of a URL, wherever a library put one into its message. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/?#@:"]*):[^\s/?#@"]*@/gi;

/** One JSON object a line, on standard error: standard output is for the ready line. */
export function gatewayLogger(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: pino.stdSerializers.err },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [`["${name}"]`, `*["${name}"]`]),
        censor: HIDDEN,
      },
      hooks: { streamWrite: (line) => line.replace(URL_PASSWORD, `$1:${HIDDEN}@`) },
    },
    destination,
  );
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  };
}
