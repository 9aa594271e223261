import type { CommandContext } from './command.js';

/** `gateway start [FILE]`: runs the gateway until it is told to end. */
export async function start(args: readonly string[], context: CommandContext): Promise<number> {
  const main = (await import('../main.js')) as {
    startGateway?: (options: {
      readonly file: string;
      readonly env: CommandContext['env'];
      readonly workingDirectory: string;
    }) => Promise<unknown>;
  };
  if (!main.startGateway) {
    context.err('This build has no gateway to start.');
    return 1;
  }
  const { env, workingDirectory } = context;
  await main.startGateway({ file: context.configFile(args), env, workingDirectory });
  return 0;
}
