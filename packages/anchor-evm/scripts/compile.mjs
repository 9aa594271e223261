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

/** Contracts that only tests use, several in a file; their module stands beside it. */
const ODD = 'test/ports/OddContracts.sol';

/** Compiles every contract: what its artifact module is to hold. Throws with all the compiler's errors. */
export function compileContracts() {
  const files = readdirSync(join(root, 'contracts'), { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith('.sol'))
    .sort();
  const sources = Object.fromEntries(
    [...files.map((file) => [file, join('contracts', file)]), [ODD, ODD]].map(([name, path]) => [
      name,
      { content: readFileSync(join(root, path), 'utf8') },
    ]),
  );
  const input = { language: 'Solidity', sources, settings: SETTINGS };
  const { contracts, errors = [] } = JSON.parse(solc.compile(JSON.stringify(input)));
  if (errors.length > 0)
    throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'));
  const compiled = (file, name, module) => {
    const found = contracts[file]?.[name];
    if (found === undefined || found.evm.bytecode.object === '') return [];
    const { abi, evm } = found;
    return [
      {
        name,
        file,
        module,
        abi: JSON.stringify(abi),
        bytecode: `0x${evm.bytecode.object}`,
        runtimeBytecode: `0x${evm.deployedBytecode.object}`,
      },
    ];
  };
  return [
    ...files.flatMap((file) => {
      const name = basename(file, '.sol');
      const module = join('src/artifacts', dirname(file), `${kebab(name)}.ts`);
      return compiled(file, name, module).map((one) => ({ ...one, file: `contracts/${file}` }));
    }),
    ...Object.keys(contracts[ODD]).flatMap((name) =>
      compiled(ODD, name, join(dirname(ODD), 'odd', `${kebab(name)}.ts`)),
    ),
  ];
}

const kebab = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();

/** The text of an artifact module, in the repository's format. */
const moduleOf = ({ name, file, abi, bytecode, runtimeBytecode }) =>
  `// Written by scripts/compile.mjs from ${file}; do not edit.
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
    const path = join(root, artifact.module);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, moduleOf(artifact));
    console.log(`${artifact.name}: ${(artifact.runtimeBytecode.length - 2) / 2} bytes of code`);
  }
}
