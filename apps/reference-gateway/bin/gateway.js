#!/usr/bin/env node
// Said in one sentence rather than by the first missing function in the middle of something.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 17)) {
  await import('../dist/gateway.js');
} else {
  process.stderr.write(`This needs Node 22.17 or newer; this is ${process.version}.\n`);
  process.exitCode = 1;
}
