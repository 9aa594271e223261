// node scripts/spi-snapshot.mjs [--renew 'What changed, and what an implementer does.']
// Compares the plugin contract (packages/core/src/spi) with its committed snapshot. A change has to be said in UPGRADING.md and, from
// SPI_VERSION 1 on, raises the number unless it only adds. `--renew` writes both: the snapshot, and the sentence.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '..');
const ENTRY = join(ROOT, 'packages/core/src/spi/index.ts');
export const SNAPSHOT = join(ROOT, 'test/spi/spi.snapshot.d.ts');
export const UPGRADING = join(ROOT, 'UPGRADING.md');
/** Line of UPGRADING.md below which entries stand, newest first. */
const ENTRIES = '<!-- entries of the plugin contract, newest first -->';
const RENEW = `node scripts/spi-snapshot.mjs --renew 'What changed, and what an implementer does.'`;

const printer = ts.createPrinter({ removeComments: true });

/**
 * Declarations that the contract's entry file exports and those that they are made of, without comments, in the order of their
 * names: what moves to another file is no change.
 */
export function contractText(entry = ENTRY) {
  const files = new Map();
  const found = new Map();
  const outside = new Set();
  const open = (path) => {
    if (!files.has(path)) files.set(path, namesOf(path));
    return files.get(path);
  };
  const include = (path, name, exported) => {
    const file = open(path);
    const from = file.imports.get(name);
    if (from?.outside) return void outside.add(`${from.name} of ${from.outside}`);
    if (from) return include(from.path, from.name, exported);
    const node = file.declarations.get(name);
    if (node === undefined) return;
    const known = found.get(name);
    if (known && known.path !== path)
      throw new Error(
        `two declarations of the contract are called ${name}: ${known.path}, ${path}`,
      );
    found.set(name, {
      path,
      exported: exported || known?.exported === true,
      node,
      source: file.source,
    });
    if (known) return;
    const visit = (child) => {
      if (ts.isIdentifier(child) && child.text !== name) include(path, child.text, false);
      ts.forEachChild(child, visit);
    };
    visit(node);
  };
  for (const name of open(entry).imports.keys()) include(entry, name, true);
  const declarations = [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { exported, node, source }]) => {
      const text = printer
        .printNode(ts.EmitHint.Unspecified, node, source)
        .replace(/^(export |declare )+/, '');
      return `${exported ? 'export ' : ''}declare ${text}`;
    });
  const heads = [...outside].sort().map((name) => `// with ${name}\n`);
  return `${heads.join('')}${declarations.join('\n')}\n`;
}

/** Top-level declarations of a source file by name, and what it imports or re-exports. */
function namesOf(path) {
  const { outputText } = ts.transpileDeclaration(readFileSync(path, 'utf8'), { fileName: path });
  const source = ts.createSourceFile(path, outputText, ts.ScriptTarget.Latest, true);
  const declarations = new Map();
  const imports = new Map();
  for (const statement of source.statements) {
    const specifier = statement.moduleSpecifier?.text;
    const named = statement.importClause?.namedBindings ?? statement.exportClause;
    for (const { name, propertyName } of named?.elements ?? []) {
      const original = (propertyName ?? name).text;
      const target = specifier?.startsWith('.')
        ? { path: join(dirname(path), specifier.replace(/\.js$/, '.ts')), name: original }
        : { outside: specifier, name: original };
      if (specifier !== undefined) imports.set(name.text, target);
    }
    for (const declared of statement.declarationList?.declarations ?? [statement])
      if (declared.name) declarations.set(declared.name.text, statement);
  }
  return { source, declarations, imports };
}

export const digestOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 12);
export const versionOf = (text) => Number(/\bSPI_VERSION = (\d+)/.exec(text)?.[1]);

/**
 * What differs, in words, and whether every difference only adds: a new declaration, a new optional member of an interface. Everything else could make a
 * plugin that conforms fail.
 */
export function differences(before, after) {
  const found = [];
  const [old, now] = [parsed(before), parsed(after)];
  for (const [name, { node, text }] of old) {
    const next = now.get(name);
    if (name === 'SPI_VERSION' || next?.text === text) continue;
    if (next === undefined) found.push({ adds: false, what: `${name} is gone` });
    else if (ts.isInterfaceDeclaration(node) && ts.isInterfaceDeclaration(next.node))
      found.push(...memberDifferences(name, node, next.node));
    else found.push({ adds: false, what: `${name} is another` });
  }
  for (const name of now.keys())
    if (!old.has(name)) found.push({ adds: true, what: `${name} is new` });
  return found;
}

function memberDifferences(name, before, after) {
  const found = [];
  const head = (node) => node.getText().slice(0, node.getText().indexOf('{'));
  if (head(before) !== head(after)) found.push({ adds: false, what: `${head(before)}is another` });
  const members = (node) =>
    new Map(node.members.map((each) => [each.name?.getText() ?? '()', each]));
  const [old, now] = [members(before), members(after)];
  for (const [member, node] of old) {
    const next = now.get(member);
    if (next === undefined) found.push({ adds: false, what: `${name}.${member} is gone` });
    else if (next.getText() !== node.getText())
      found.push({ adds: false, what: `${name}.${member} is another` });
  }
  for (const [member, { questionToken }] of now)
    if (!old.has(member)) {
      const adds = questionToken !== undefined;
      found.push({ adds, what: `${name}.${member} is new${adds ? '' : ' and not optional'}` });
    }
  return found;
}

function parsed(text) {
  const source = ts.createSourceFile('snapshot.d.ts', text, ts.ScriptTarget.Latest, true);
  return new Map(
    source.statements.map((node) => {
      const name = (node.declarationList?.declarations[0] ?? node).name.text;
      return [name, { node, text: node.getText() }];
    }),
  );
}

/** What has to be done before the contract may be as it is; undefined when nothing has. */
export function objection({ before, after, upgrading }) {
  const found = differences(before, after);
  const [was, is] = [versionOf(before), versionOf(after)];
  const lines = found.map(({ adds, what }) => `  ${adds ? 'adds' : 'breaks'}: ${what}`);
  if (is > 0 && is === was && found.some(({ adds }) => !adds))
    return `The plugin contract breaks plugins that conform to SPI_VERSION ${is}:\n${lines.join('\n')}\nRaise SPI_VERSION in packages/core/src/spi/version.ts, then: ${RENEW}`;
  if (before !== after)
    return `The plugin contract is not its snapshot any more:\n${lines.join('\n')}\nSay so to implementers: ${RENEW}`;
  if (!upgrading.includes(digestOf(after)))
    return `UPGRADING.md has no entry for snapshot ${digestOf(after)} of the plugin contract. Write one: ${RENEW}`;
  return undefined;
}

function main([option, sentence]) {
  const before = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
  const after = contractText();
  const upgrading = readFileSync(UPGRADING, 'utf8');
  if (option !== '--renew') {
    const wrong = objection({ before, after, upgrading });
    if (wrong !== undefined) console.error(wrong);
    else
      console.log(
        `the plugin contract is snapshot ${digestOf(after)}, SPI_VERSION ${versionOf(after)}`,
      );
    return wrong === undefined ? 0 : 1;
  }
  const entry = `* **SPI ${versionOf(after)}, snapshot ${digestOf(after)}**: ${sentence}`;
  const said = upgrading.includes(digestOf(after));
  const kept = objection({ before, after, upgrading });
  if (kept?.includes('Raise SPI_VERSION') || (!said && !sentence)) {
    console.error(kept ?? `Nothing to renew.`);
    return kept === undefined ? 0 : 1;
  }
  writeFileSync(SNAPSHOT, after);
  if (!said)
    writeFileSync(
      UPGRADING,
      upgrading.replace(ENTRIES, () => `${ENTRIES}\n${entry}`),
    );
  console.log(`written: ${relative(ROOT, SNAPSHOT)}, ${relative(ROOT, UPGRADING)}`);
  return 0;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main(process.argv.slice(2));
