// Runs test-vector files against the product: node scripts/vectors.mjs FILE…
// One line per failing case, last `N passed, N failed`. Exit 1 on a failure, 2 on an unknown family or an unreadable file.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  vectorFamilies as coreFamilies,
  vectorFamilyOf,
} from '../packages/core/dist/testing/vectors/index.js';

const vectorFamilies = {
  ...coreFamilies,
  'anchor-proofs': async () => {
    const product = await import('../packages/anchor-bitcoin/dist/verify/index.js');
    const { anchorProofs } = await import('./vector-families/anchor-proofs.mjs');
    return { run: anchorProofs(product) };
  },
  'evm-evidence': async () => {
    const { default: verifiers } = await import('../packages/anchor-evm/dist/verify/index.js');
    const { commitmentOf } = await import('../packages/core/dist/verify/index.js');
    const { evmEvidence } = await import('./vector-families/evm-evidence.mjs');
    return { run: evmEvidence(verifiers, commitmentOf) };
  },
  lostecnicos: async () => {
    const { lostecnicos } = await import('./vector-families/lostecnicos.mjs');
    return { run: lostecnicos(await mqttTransport()) };
  },
  'lostecnicos-messages': mqttMessagesFamily,
  'energypulse-messages': mqttMessagesFamily,
};

async function mqttMessagesFamily() {
  const { mqttMessages } = await import('./vector-families/mqtt-messages.mjs');
  return { run: mqttMessages(await mqttTransport()) };
}

/** What the transport makes of topics and payloads. */
async function mqttTransport() {
  const dist = '../packages/transport-mqtt/dist';
  const [maps, presets, payloads, commands] = await Promise.all([
    import(`${dist}/topics/topic-maps.js`),
    import(`${dist}/topics/presets.js`),
    import(`${dist}/payloads/read-payload.js`),
    import(`${dist}/payloads/command-payload.js`),
  ]);
  return { ...maps, ...presets, ...payloads, ...commands };
}

const files = process.argv.slice(2);
let passed = 0;
let failed = 0;
let unusable = files.length === 0;
if (unusable) console.error('usage: npm run vectors -- FILE…');

for (const file of files) {
  const family = vectorFamilyOf(basename(file), Object.keys(vectorFamilies));
  if (family === undefined) {
    console.error(`${file}: unknown family; known are ${Object.keys(vectorFamilies).join(', ')}`);
    unusable = true;
    continue;
  }
  let content;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.error(`${file}: cannot be read: ${error.message}`);
    unusable = true;
    continue;
  }
  const { run } = await vectorFamilies[family]();
  let cases = 0;
  try {
    for await (const result of run(content)) {
      cases += 1;
      if (result.ok) {
        passed += 1;
        continue;
      }
      failed += 1;
      console.log(`${file}: ${result.name}: ${result.detail ?? 'failed'}`);
    }
  } catch (error) {
    console.error(`${file}: not the structure of family ${family}: ${error.message}`);
    unusable = true;
  }
  if (cases === 0) {
    console.error(`${file}: no cases`);
    unusable = true;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = unusable ? 2 : failed > 0 ? 1 : 0;
