import { fileURLToPath } from 'node:url';
import { check } from '../../src/cli/check.js';
import { commandContext } from '../../src/cli/command.js';

const SECRETS = {
  WATTPROOF_ADMIN_KEY: 'b3c1f9d2a47e58600718293a4b5c6d7e',
  WATTPROOF_STORE_URL: 'postgresql://wattproof:hunter2@db.example.org/wattproof',
  BITCOIN_RPC_URL: 'http://127.0.0.1:8332',
  BITCOIN_RPC_USER: 'wattproof',
  BITCOIN_RPC_PASSWORD: 'correct-horse-battery',
  BITCOIN_WIF: 'cVpF924EspNh8KjYsfhgY96mmxvT6DgdWiTYMtMjuM74hJaU5psW',
};

async function run(file: string, env: Record<string, string>, ...flags: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const context = commandContext({
    env,
    workingDirectory: fileURLToPath(new URL('../..', import.meta.url)),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  });
  const code = await check([file, ...flags], context);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('gateway check', () => {
  it.each(['presets/demo.yaml', 'presets/kwh-btc-iot.yaml', 'examples/dev.yaml'])(
    'finds %s sound in an empty environment',
    async (file) => {
      const { code, out, err } = await run(file, {});
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(
        /^local +anchor +@wattproof\/core +\d+\.\d+\.\d+ +0 +.*cost=free .*needs=signer$/m,
      );
    },
  );

  it.each(['examples/qa.yaml', 'examples/prod.yaml'])(
    'finds %s sound when its variables are set, and prints none of the secrets',
    async (file) => {
      const { code, out, err } = await run(file, SECRETS, '--print');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/^bitcoin +anchor +@wattproof\/anchor-bitcoin .*cost=paid/m);
      for (const secret of [
        SECRETS.WATTPROOF_ADMIN_KEY,
        'hunter2',
        SECRETS.BITCOIN_RPC_PASSWORD,
        SECRETS.BITCOIN_WIF,
      ]) {
        expect(out).not.toContain(secret);
      }
      expect(out).toContain('[redacted]');
    },
  );

  it('finds examples/mqtt.yaml sound, and prints no password of the broker', async () => {
    const env = {
      ...SECRETS,
      WATTPROOF_MQTT_CLIENT: 'gateway-1',
      WATTPROOF_MQTT_PASSWORD: 'tr0ub4dor',
    };
    const { code, out, err } = await run('examples/mqtt.yaml', env, '--print');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^mqtt +transport +@wattproof\/transport-mqtt /m);
    expect(out).not.toContain('tr0ub4dor');
  });

  it('names every missing variable of examples/prod.yaml at once', async () => {
    const { code, err } = await run('examples/prod.yaml', {});
    expect(code).toBe(1);
    for (const name of Object.keys(SECRETS)) expect(err).toContain(`variable ${name} is not set`);
    expect(err).not.toContain('PLUGIN_CONFIG_INVALID');
  });

  it('warns of open routes and of unsigned readings under the preset for kwh-btc-iot', async () => {
    const { out } = await run('presets/kwh-btc-iot.yaml', {});
    expect(out).toContain('warning: http.open: logs, proofs, flush');
    expect(out).toContain('warning: devices.unsigned: accept');
  });

  it('refuses the embedded store in production until the operator consents', async () => {
    const production = { WATTPROOF__PROFILE: 'production' };
    const refused = await run('examples/dev.yaml', production);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('store.durability: this store is of durability class "process"');
    const consented = await run('examples/dev.yaml', {
      ...production,
      WATTPROOF__STORE__DURABILITY: 'process',
    });
    expect(consented.code).toBe(0);
    expect(consented.out).toContain('warning: store.durability: process is accepted in production');
  });
});
