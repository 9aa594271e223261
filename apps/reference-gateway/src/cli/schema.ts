import { existsSync } from 'node:fs';
import { ConfigError } from '../config/config-errors.js';
import { gatewayJsonSchema } from '../config/json-schema.js';
import { describeBlocks } from '../config/plugin-sources.js';
import { describeFile } from '../config/read-config.js';
import type { CommandContext } from './command.js';

/**
 * `gateway schema [FILE]`: prints the JSON Schema of the configuration, with the blocks of the plugins that
 * FILE names as far as they are installed. Editors complete and check YAML with it.
 */
export async function schema(args: readonly string[], context: CommandContext): Promise<number> {
  const file = context.configFile(args);
  try {
    const described = existsSync(file)
      ? await describeFile(file, describeBlocks(file))
      : gatewayJsonSchema();
    context.out(JSON.stringify(described, null, 2));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.err(error.message);
    return 1;
  }
}
