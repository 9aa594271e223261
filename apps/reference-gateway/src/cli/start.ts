import type { CommandContext } from './command.js';

/** `gateway start [FILE]`: runs the gateway until SIGTERM or SIGINT, then drains. */
export async function start(args: readonly string[], context: CommandContext): Promise<number> {
  // Loaded only here: checking a configuration needs neither Nest nor a store.
  const { runGateway } = await import('../main.js');
  const { env, workingDirectory } = context;
  return runGateway({ file: context.configFile(args), env, workingDirectory });
}
