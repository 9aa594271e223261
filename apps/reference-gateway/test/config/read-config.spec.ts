import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { readConfig } from '../../src/config/read-config.js';
import { redact } from '../../src/config/redact.js';
import { ConfigFolder, MINIMAL } from './config-folder.js';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

describe('a configuration file', () => {
  it('needs nothing but the origin; everything else has the documented default', async () => {
    const { config } = await folder.read(MINIMAL);
    expect(config).toMatchObject({
      profile: 'development',
      log: { key: { file: join(folder.path, '.wattproof/log.key') }, previous: [] },
      store: { url: 'embedded://.wattproof/db' },
      http: {
        host: '127.0.0.1',
        port: 3000,
        trustProxy: false,
        cors: { origins: [] },
        open: [],
      },
      devices: { unsigned: 'require', registration: 'review' },
      claims: { minAssurance: 'device-signature' },
      ingestion: { time: { maxFutureMs: 60_000, maxAgeMs: 604_800_000 } },
      batching: { profile: 'rfc9162', maxEntries: 65_536, maxAgeMs: 600_000 },
      transports: {},
      anchors: { local: { use: '@wattproof/core/local-ledger' } },
      roles: ['api', 'ingest', 'batch', 'anchor', 'match'],
    });
    expect(config.http.tls).toBeUndefined();
    expect(config.pricing).toBeUndefined();
  });

  it('is refused with every problem at once, each with its path', async () => {
    const problems = await folder.problems(`
      origin: "two words"
      http: { prot: 3000, port: 70000 }
      devices: { unsigned: maybe }
      batching: { maxEntries: 2097152 }
      anchors: { Local: { use: x }, file: {} }
      roles: []
      extra: 1
    `);
    expect(Object.keys(problems).sort()).toEqual([
      'anchors.Local',
      'anchors.file.use',
      'batching.maxEntries',
      'devices.unsigned',
      'extra',
      'http.port',
      'http.prot',
      'origin',
      'roles',
    ]);
    expect(problems['http.prot']).toContain('unknown key');
  });

  it('is refused when it is absent, not YAML, repeats a key or is no mapping', async () => {
    expect(await folder.problems('- 1')).toEqual({ '': expect.stringContaining('sections') });
    expect(await folder.problems('a: [1')).toEqual({ '': expect.stringContaining('line 1') });
    const repeated = await folder.problems('http: {}\nhttp: {}');
    expect(repeated).toEqual({ '': expect.stringContaining('unique') });
    const file = join(folder.path, 'absent.yaml');
    const absent = readConfig({ file, env: {}, workingDirectory: folder.path });
    await expect(absent).rejects.toThrow('ENOENT');
  });

  it('quotes no line of a broken file, for it may hold a secret', async () => {
    const { '': message } = await folder.problems('accounts: { adminApiKey: "hunter2');
    expect(message).toBeDefined();
    expect(message).not.toContain('hunter2');
  });
});

describe('keys of the log', () => {
  it('are refused by the check as by the start: text that is no key, notes that are none', async () => {
    const curve = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const other = JSON.stringify(curve.export({ format: 'pem', type: 'pkcs8' }));
    for (const key of ['"./log.key"', other])
      expect(await folder.problems(`${MINIMAL}log: { key: ${key} }`)).toEqual({
        'log.key': expect.stringContaining('written "${file:./log.key}"'),
      });
    expect(await folder.problems(`${MINIMAL}log: { previous: [nonsense] }`)).toEqual({
      'log.previous.0': expect.stringContaining('no sound log-key/1 note'),
    });
  });
});

describe('references', () => {
  it('take values from the environment, with a default, and from files beside the file', async () => {
    folder.write('etc/secrets/admin', 'a-key-of-enough-characters\n');
    const { config } = await folder.read(
      `${MINIMAL}store: { url: "postgresql://\${env:DB_USER}:\${env:DB_PASSWORD:-none}@db/w" }
accounts: { adminApiKey: "\${file:./secrets/admin}" }`,
      { DB_USER: 'ann' },
    );
    expect(config.store.url).toBe('postgresql://ann:none@db/w');
    expect(config.accounts.adminApiKey).toBe('a-key-of-enough-characters');
  });

  it('cannot add keys, references or YAML of their own', async () => {
    const hostile = 'x"\nhttp: { open: [flush] } # ${env:SECRET} {{';
    const { config } = await folder.read(
      `origin: example.org/log\nhttp: { cors: { origins: ["\${env:PAGE}"] } }`,
      { PAGE: hostile, SECRET: 'hunter2' },
    );
    expect(config.http.cors.origins).toEqual([hostile]);
    expect(config.http.open).toEqual([]);
  });

  it('become numbers and booleans where those belong, and stay text where text belongs', async () => {
    const { config } = await folder.read(
      `${MINIMAL}http: { port: "\${env:PORT}", trustProxy: "\${env:PROXY}" }
accounts: { adminApiKey: "\${env:DIGITS}" }`,
      { PORT: '8080', PROXY: 'true', DIGITS: '1234567890123456789012' },
    );
    expect(config.http.port).toBe(8080);
    expect(config.http.trustProxy).toBe(true);
    expect(config.accounts.adminApiKey).toBe('1234567890123456789012');
  });

  it('that cannot be resolved are each reported once, at the place where they stand', async () => {
    const problems = await folder.problems(
      'origin: "${env:ORIGIN}"\nhttp: { port: "${file:./port}", host: "${env:a b}" }',
    );
    expect(problems).toEqual({
      origin: expect.stringContaining('ORIGIN is not set'),
      'http.port': expect.stringContaining('etc/port (ENOENT)'),
      'http.host': expect.stringContaining('not a variable name'),
    });
  });

  it('to a log key name the file beside the configuration, which need not exist yet', async () => {
    const { config } = await folder.read(`${MINIMAL}log: { key: "\${file:./log.key}" }`);
    expect(config.log.key).toEqual({ file: join(folder.path, 'etc/log.key') });
  });

  it('with an empty value count as left out', async () => {
    const { config } = await folder.read(`${MINIMAL}accounts: { adminApiKey: "\${env:ADMIN:-}" }`);
    expect(config.accounts.adminApiKey).toBeUndefined();
  });
});

describe('overrides from the environment', () => {
  it('reach any key of the schema in any case, typed by the schema', async () => {
    const { config } = await folder.read(`${MINIMAL}http: { port: 1 }`, {
      WATTPROOF__HTTP__PORT: '0',
      wattproof__batching__MAX_AGE_MS: '1500',
      WATTPROOF__HTTP__OPEN: '[logs, proofs]',
      WATTPROOF__HTTP__CORS__ORIGINS: '["https://a.example"]',
      WATTPROOF__ACCOUNTS__ADMINAPIKEY: '0123456789012345678901',
      WATTPROOF__INGESTION__TIME__MAXAGEMS: 'none',
      WATTPROOF_CONFIG: 'not an override',
    });
    expect(config.http).toMatchObject({ port: 0, open: ['logs', 'proofs'] });
    expect(config.http.cors.origins).toEqual(['https://a.example']);
    expect(config.batching.maxAgeMs).toBe(1500);
    expect(config.accounts.adminApiKey).toBe('0123456789012345678901');
    expect(config.ingestion.time.maxAgeMs).toBe('none');
  });

  it('reach into the block of a plugin, by the keys of the plugin and of the file', async () => {
    const yaml = `${MINIMAL}anchors: { bitcoin: { use: "@wattproof/anchor-bitcoin", made: { up: x } } }`;
    const { config } = await folder.read(yaml, {
      WATTPROOF__ANCHORS__BITCOIN__RPC__PASSWORD: '007',
      WATTPROOF__ANCHORS__BITCOIN__FEE__MAXSATPERVB: '90',
      WATTPROOF__ANCHORS__BITCOIN__MADE__UP: '1e3',
    });
    expect(config.anchors.bitcoin).toMatchObject({
      rpc: { password: '007' },
      fee: { maxSatPerVb: 90 },
      made: { up: '1e3' },
    });
  });

  it('that name nothing are errors which list what there is', async () => {
    const problems = await folder.problems(MINIMAL, {
      WATTPROOF__HTTP__PROT: '1',
      WATTPROOF__ANCHORS__BITCOIN__URL: 'x',
      WATTPROOF__ORIGIN__X: 'y',
    });
    expect(problems).toMatchObject({
      WATTPROOF__HTTP__PROT: expect.stringContaining(
        'known are certificateProxies, cors, guards, host, maxConnections, open, port',
      ),
      WATTPROOF__ANCHORS__BITCOIN__URL: expect.stringContaining('anchors has no key'),
      WATTPROOF__ORIGIN__X: 'origin is a value and has no keys',
    });
  });

  it('cannot reach prototypes', async () => {
    const problems = await folder.problems(MINIMAL, { WATTPROOF____PROTO____POLLUTED: '1' });
    expect(Object.keys(problems)).toEqual(['WATTPROOF____PROTO____POLLUTED']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('what is printed', () => {
  it('hides secrets by schema, by telling name and inside URLs, and shows the rest', async () => {
    folder.write('etc/own.mjs', 'export default 1;');
    const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    const { printable } = await folder.read(`${MINIMAL}
store: { url: "postgresql://ann:hunter2@db/w?sslpassword=hunter3" }
log: { key: ${JSON.stringify(pem)} }
http: { tls: { cert: public, key: hunter5 } }
accounts: { adminApiKey: hunter6hunter6hunter6hu }
anchors:
  bitcoin: { use: "@wattproof/anchor-bitcoin", wif: hunter7, rpc: { url: "http://u:hunter8@n", password: hunter9 } }
  own: { use: ./own.mjs, deep: [{ apiToken: hunter10 }] }
simulator: { seed: 7 }
`);
    const text = JSON.stringify(printable);
    expect(text).not.toContain('hunter');
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).toContain('postgresql://ann:[redacted]@db/w?sslpassword=[redacted]');
    expect(text).toContain('"cert":"public"');
    expect(text).toContain('"seed":7');
  });

  it('hides what is in something secret, a secret that is a URL, and the access keys of providers', () => {
    const secret = { secret: true };
    const text = { type: 'string' };
    const schema = {
      properties: {
        headers: { ...secret, type: 'object', additionalProperties: text },
        hooks: { ...secret, type: 'array', items: text },
        parts: { ...secret, type: 'object', properties: { a: text } },
        key: { ...secret, anyOf: [text, { type: 'object', properties: { file: text } }] },
        url: text,
      },
    };
    const shown = redact(
      {
        headers: { Authorization: 'Bearer hunter1' },
        hooks: ['https://chat.example/hunter2'],
        parts: { a: 'hunter3' },
        key: { file: 'log.key' },
        url: 'https://hunter4hunter4hunter4@eth.example/v3/hunter5hunter5hunter5/rpc?auth=hunter6&id=hunter7hunter7hunter7',
      },
      schema,
    );
    expect(JSON.stringify(shown)).not.toContain('hunter');
    expect(shown).toMatchObject({ key: { file: 'log.key' } });
    const plain = 'https://eth-mainnet.blockstream-testnet.example/some/long-readable-path-here/v1';
    expect(redact({ url: plain }, schema)).toEqual({ url: plain });
  });
});
