import { describe, expect, it } from '@jest/globals';
import { lookForPeers } from '../scripts/peers.mjs';

describe('npm run test:peers', () => {
  it('does not run without its peers, names them, and says how to install them', () => {
    const said: string[] = [];
    expect(lookForPeers((line: string) => said.push(line), [])).toBe(false);
    expect(said.filter((line) => line.startsWith('MISSING')).length).toBeGreaterThanOrEqual(4);
    expect(said.join('\n')).toMatch(
      /apt-get install --yes --no-install-recommends mosquitto mosquitto-clients .*chromium-headless-shell nats-server redis-server rabbitmq-server/,
    );
  });
});
