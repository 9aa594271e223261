import type { ConfigProblem, GatewayConfig } from '@wattproof/core/plugins';

/** Everything that is wrong with one configuration. Values are never repeated: they may be secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  /** The plugin blocks that could be read all the same. */
  readonly sections:
    | Pick<GatewayConfig, 'anchors' | 'transports' | 'pricing' | 'detectors'>
    | undefined;

  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
    options?: ErrorOptions & {
      readonly sections?: Pick<GatewayConfig, 'anchors' | 'transports' | 'pricing' | 'detectors'>;
    },
  ) {
    const lines = problems
      .map(({ path, message }) => `\n  ${path || '(file)'}: ${message}`)
      .join('');
    super(
      `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}:${lines}\nCorrect the file, then run: gateway check ${file}`,
      options,
    );
    this.sections = options?.sections;
  }
}
