import { canonicalJson } from '../../verify/rfc8785.js';
import { bridgeKwhMessage, type BridgedEmlog } from '../../verify/formats/kwh-mqtt-bridge.js';
import {
  attempt,
  each,
  mustEqual,
  mustThrow,
  unknownGroups,
  type RefusalError,
  type VectorResult,
} from './vector-case.js';

interface BridgeFile {
  readonly cases?: readonly {
    readonly name: string;
    readonly topic: string;
    readonly payload: object;
    readonly canonical?: object;
    readonly error?: string;
  }[];
}

/** The documents kwh-btc-iot's MQTT bridge makes of messages. Whether one is a reading is the format's question, asked later. */
export function* run(file: unknown): Iterable<VectorResult> {
  yield* each('cases', (file as BridgeFile).cases, function* (one) {
    const { name, topic, payload, canonical, error } = one;
    yield attempt(name, () => {
      if (canonical === undefined && error === undefined)
        return 'the case has neither canonical nor error';
      if (canonical === undefined)
        return mustThrow(
          () => bridgeKwhMessage(topic, payload),
          (refusal) => isReason(refusal, error!),
        );
      return mustEqual(
        canonicalJson(asRead(bridgeKwhMessage(topic, payload))),
        canonicalJson(canonical),
      );
    });
  });
  yield* unknownGroups(file, ['cases']);
}

/** The document with integers as the vector file's reader has them: it was read as doubles. */
function asRead(document: BridgedEmlog): object {
  const tx = Object.entries(document.tx).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? Number(value) : value,
  ]);
  return { ...document, tx: Object.fromEntries(tx) as object };
}

/** The reference's exceptions and the codes that stand for them. An exception that is not listed only says *refused*. */
const REASONS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^ValueError: Unsupported topic format: /, ['topic_unsupported']],
  [/^KeyError: /, ['missing']],
  [/could not convert string to float/, ['float_parsing']],
  [/float\(\) argument must be/, ['float_type']],
  [/invalid literal for int\(\)/, ['int_parsing']],
  [/int\(\) argument must be/, ['int_type']],
  [/^OverflowError: |cannot convert float (NaN|infinity)/, ['finite_number']],
];

function isReason({ code, path, message }: RefusalError, error: string): boolean {
  const codes = REASONS.find(([pattern]) => pattern.test(error))?.[1];
  // Numbers that are not finite are refused first, which the reference does not do.
  if (codes === undefined || code === 'finite_number') return true;
  const topic = /^ValueError: (Unsupported topic format: .*)$/s.exec(error)?.[1];
  const member = /^KeyError: '(.*)'$/.exec(error)?.[1];
  return (
    codes.includes(code) &&
    (topic === undefined || topic === message) &&
    (member === undefined || member === path)
  );
}
