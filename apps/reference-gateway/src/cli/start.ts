import type { CommandContext } from './command.js';

/** `gateway start [FILE]`: runs the gateway until it is told to end. */
export async function start(args: readonly string[], context: CommandContext): Promise<number> {
  // Loaded only here: the other commands need neither a server nor a store.
  const { runGateway } = await import('../main.js');
  const { env, workingDirectory } = context;
  return runGateway({ file: context.configFile(args), env, workingDirectory });
}
