// node scripts/run.mjs COMMAND [ARGUMENT …]: what `npm start`, `npm test` and the others do.
// Installs first when needed, then runs the command on the pinned Node (see bootstrap.mjs).
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { bootstrap, environment, ROOT, run } from './bootstrap.mjs';
import { lookForPeers } from './peers.mjs';

const FORMATTED = ['packages', 'apps', 'templates', 'scripts', 'bench', 'test'];

const COMMANDS = {
  start: async (args) => {
    const code = await build();
    if (code !== 0) return code;
    const config = process.env.WATTPROOF_CONFIG;
    const env = environment(config ? { WATTPROOF_CONFIG: fromCaller(config) } : {});
    return run('node', ['apps/reference-gateway/dist/main.js', ...args], { env });
  },
  test: (args) => jest(args),
  'test:nightly': (args) => jest(args, { WATTPROOF_NIGHTLY: '1' }),
  'test:peers': (args) =>
    lookForPeers()
      ? jest(['--config', 'apps/reference-gateway/test/peers/jest.config.mjs', ...args])
      : 2,
  build: (args) => build(args),
  bench: (args) => built('bench/run.mjs', args),
  'check:packages': (args) => built('scripts/check-packages.mjs', args),
  vectors: (args) =>
    built(
      'scripts/vectors.mjs',
      args.map((arg) => (arg.startsWith('-') ? arg : fromCaller(arg))),
    ),
  lint: async () => {
    const checks = [
      ['oxlint', '--type-aware'],
      ['oxfmt', '--check', ...FORMATTED.filter((folder) => existsSync(`${ROOT}/${folder}`))],
      ['depcruise', 'packages', 'apps', 'templates'],
      ['knip'],
      // Sources are checked by the build; this is what the build leaves out.
      ['tsc', '-p', 'tsconfig.test.json'],
    ];
    let worst = 0;
    // All of them, even when one fails: one run shows everything there is to fix.
    for (const [tool, ...args] of checks) {
      process.stderr.write(`${tool} …\n`);
      worst = Math.max(worst, await run(tool, args));
    }
    return worst;
  },
};

function build(args = []) {
  process.stderr.write('building …\n');
  return run('tsc', ['-b', ...args]);
}

async function built(script, args) {
  const code = await build();
  return code === 0 ? run('node', [script, ...args]) : code;
}

/** Most tests read the sources; those that run a gateway or a command as its own process need it built. */
async function jest(args, extra = {}) {
  const code = await build();
  if (code !== 0) return code;
  const runner = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...args];
  // The flag warns on every start of every worker; that says nothing about a test.
  return run('node', ['--disable-warning=ExperimentalWarning', ...runner], {
    env: environment(extra),
  });
}

/** npm changes into the root; paths on the command line are meant from where npm was called. */
function fromCaller(path) {
  return isAbsolute(path) ? path : resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
if (!command) {
  process.stderr.write(
    `Unknown command "${name ?? ''}". One of: ${Object.keys(COMMANDS).join(', ')}.\n`,
  );
  process.exitCode = 1;
} else {
  const installed = await bootstrap();
  process.exitCode = installed === 0 ? await command(args) : installed;
}
