import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type GatewayProcess, startGatewayProcess } from '@wattproof/core/testing';

const ENTRY = resolve(import.meta.dirname, '../../dist/main.js');
const FILE = 'gateway.yaml';
export const ADMIN_KEY = 'campaign-admin-key-0123456789abcdef';

/** Writes the configuration that all gateways of `folder` run with; `sections` as they stand in the file. */
export async function configureGateways(
  folder: string,
  storeUrl: string,
  sections = '',
): Promise<void> {
  const text = `
origin: campaign.test/log
store: { url: ${JSON.stringify(storeUrl)} }
http: { host: 127.0.0.1, port: 0 }
accounts: { adminApiKey: "\${env:CAMPAIGN_ADMIN_KEY}" }
devices: { unsigned: require, registration: open }
batching: { maxEntries: 500, maxAgeMs: 200 }
anchors: { local: { use: "@wattproof/core/local-ledger" } }
${sections}
`;
  await writeFile(join(folder, FILE), text);
}

/** A gateway as a process; the same configuration and folder across its deaths. */
export class RunningGateway {
  #process: Promise<GatewayProcess>;

  constructor(private readonly folder: string) {
    this.#process = this.#start();
  }

  url(): Promise<string> {
    return this.#process.then(({ url }) => url);
  }

  async kill(): Promise<void> {
    await (await this.#process).end('SIGKILL');
    this.#process = this.#start();
    await this.#process;
  }

  /** Without coming back. */
  async end(): Promise<void> {
    await (await this.#process).end('SIGKILL');
  }

  async stop(): Promise<number | NodeJS.Signals> {
    const running = await this.#process;
    const code = await running.end('SIGTERM');
    // What a test says of it is a number; why, only the gateway knows.
    if (code === 1)
      process.stderr.write(`The gateway ended with 1:\n${running.output().slice(-4000)}\n`);
    return code;
  }

  #start(): Promise<GatewayProcess> {
    return startGatewayProcess({
      entry: ENTRY,
      cwd: this.folder,
      env: {
        WATTPROOF_CONFIG: join(this.folder, FILE),
        CAMPAIGN_ADMIN_KEY: ADMIN_KEY,
        // A gateway starts many times here, on the same sources.
        NODE_COMPILE_CACHE: join(tmpdir(), 'wattproof-compiled'),
      },
    });
  }
}
