// Compiles contracts/**/*.sol with the pinned solc and writes one module per contract that is named as its file:
// contracts/ports/EnergyToken.sol becomes src/artifacts/ports/energy-token.ts. A test holds the two together.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** No metadata in the bytecode: a comment does not move the deterministic address. */
const SETTINGS = {
  optimizer: { enabled: true, runs: 10_000 },
  // The oldest instruction set that still counts: runs on every EVM chain.
  evmVersion: 'paris',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
};

/** Compiles every contract: what its artifact module is to hold. Throws with all the compiler's errors. */
export function compileContracts() {
  const files = readdirSync(join(root, 'contracts'), { recursive: true })
    .filter((file) => file.endsWith('.sol'))
    .sort();
  const sources = Object.fromEntries(
    files.map((file) => [file, { content: readFileSync(join(root, 'contracts', file), 'utf8') }]),
  );
  const input = { language: 'Solidity', sources, settings: SETTINGS };
  const { contracts, errors = [] } = JSON.parse(solc.compile(JSON.stringify(input)));
  if (errors.length > 0)
    throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'));
  return files.flatMap((file) => {
    const name = basename(file, '.sol');
    const compiled = contracts[file]?.[name];
    if (compiled === undefined || compiled.evm.bytecode.object === '') return [];
    return [
      {
        name,
        file,
        module: join(dirname(file), `${kebab(name)}.ts`),
        abi: JSON.stringify(compiled.abi),
        bytecode: `0x${compiled.evm.bytecode.object}`,
        runtimeBytecode: `0x${compiled.evm.deployedBytecode.object}`,
      },
    ];
  });
}

const kebab = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();

/** The text of an artifact module, in the repository's format. */
const moduleOf = ({ name, file, abi, bytecode, runtimeBytecode }) =>
  `// Written by scripts/compile.mjs from contracts/${file}; do not edit.
export const ${name} = {
  abi: '${abi}',
  bytecode:
    '${bytecode}',
  runtimeBytecode:
    '${runtimeBytecode}',
};
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const artifact of compileContracts()) {
    const path = join(root, 'src/artifacts', artifact.module);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, moduleOf(artifact));
    console.log(`${artifact.name}: ${(artifact.runtimeBytecode.length - 2) / 2} bytes of code`);
  }
}
