// What `npm run test:peers` runs beside the gateway: programs that nobody of this project wrote. One that is missing is
// named with how to install it; nothing is skipped.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian puts servers where not every user's PATH looks. */
const FOLDERS = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/lib/rabbitmq/bin',
];

const PEERS = [
  { name: 'mosquitto (MQTT broker)', debian: 'mosquitto', found: (on) => on('mosquitto') },
  {
    name: 'mosquitto_pub and mosquitto_sub (MQTT clients)',
    debian: 'mosquitto-clients',
    found: (on) => on('mosquitto_pub') && on('mosquitto_sub'),
  },
  {
    name: 'Python with paho (MQTT client)',
    debian: 'python3-paho-mqtt',
    // Debian's packages belong to Debian's Python, which need not be the first on PATH.
    found: () =>
      ['python3', '/usr/bin/python3'].some((python) =>
        succeeds(python, ['-c', 'import paho.mqtt.client']),
      ),
  },
  {
    name: 'Chromium, without a screen (browser)',
    debian: 'chromium-headless-shell',
    found: (on) => ['chromium-headless-shell', 'chromium', 'chromium-browser'].some(on),
  },
  { name: 'nats-server', debian: 'nats-server', found: (on) => on('nats-server') },
  { name: 'redis-server', debian: 'redis-server', found: (on) => on('redis-server') },
  { name: 'rabbitmq-server', debian: 'rabbitmq-server', found: (on) => on('rabbitmq-server') },
];

/**
 * Says what is there and what is not; true when all of it is.
 * @param {(line: string) => unknown} say
 * @param {readonly string[]} folders
 */
export function lookForPeers(say = (line) => process.stderr.write(`${line}\n`), folders = FOLDERS) {
  const on = (program) => folders.some((folder) => isProgram(join(folder, program)));
  const missing = PEERS.filter(({ found }) => !found(on));
  for (const peer of PEERS) say(`${missing.includes(peer) ? 'MISSING ' : 'found   '} ${peer.name}`);
  if (missing.length === 0) return true;
  const packages = missing.flatMap(({ debian }) => debian ?? []).join(' ');
  say('');
  say('The tests against peers need all of them. On Debian or Ubuntu, as root:');
  if (packages)
    say(`  apt-get update && apt-get install --yes --no-install-recommends ${packages}`);
  say('Elsewhere install the programs named above so that they are on PATH, then run again:');
  say('  npm run test:peers');
  return false;
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function succeeds(program, args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
