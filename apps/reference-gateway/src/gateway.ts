import { anchors } from './cli/anchors.js';
import { check } from './cli/check.js';
import { type Command, commandContext, misuse } from './cli/command.js';
import { recover } from './cli/recover.js';
import { rotateKey } from './cli/rotate-key.js';
import { schema } from './cli/schema.js';
import { setup } from './cli/setup.js';
import { start } from './cli/start.js';

const COMMANDS: Readonly<Record<string, Command>> = {
  anchors,
  check,
  recover,
  'rotate-key': rotateKey,
  schema,
  setup,
  start,
};

const USAGE = `gateway check [FILE] [--print]   read the configuration, load its plugins, start nothing
gateway schema [FILE]            print the JSON Schema of the configuration
gateway start [FILE]             run the gateway
gateway recover [FILE] [--adopt-new-origin NAME] [--adopt-database]
                                 say whether the database is as new as what has been signed, and the ways out
gateway rotate-key [FILE] --to NEW_FILE
                                 make the next log key, announced by the present one
gateway anchors list | retry ID | bump ID | recheck [ID] [--file FILE] [--url URL]
                                 ask the running gateway how its ledgers are, or to try again, pay more, look again
gateway setup ID [TASK] [--dry-run] [--NAME VALUE | --NAME-file FILE] [--file FILE]
                                 have an anchor do what is done once on its ledger; without TASK, say what there is
FILE defaults to WATTPROOF_CONFIG, then to the demo preset.`;

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
const wrong = command && misuse(name, args);
if (wrong !== undefined) {
  process.stderr.write(`${wrong}\n${USAGE}\n`);
  process.exitCode = 2;
} else if (command) {
  const code = await command(
    args,
    commandContext({
      env: process.env,
      workingDirectory: process.cwd(),
      out: (line) => void process.stdout.write(`${line}\n`),
      err: (line) => void process.stderr.write(`${line}\n`),
    }),
  );
  // Whatever a driver or a plugin still holds open does not keep a finished command alive; its output is
  // written out first, because standard output may be a pipe.
  process.stdout.write('', () => process.exit(code));
} else {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = name === 'help' || name === '--help' ? 0 : 2;
}
