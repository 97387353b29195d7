#!/usr/bin/env node
// The command `lull`: of the package, what was built; of a clone, the sources. Plain JavaScript that any Node runs:
// the Node that Lull itself runs on comes with it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;
const source = new URL('../src/cli.ts', import.meta.url);
const cli = existsSync(source) ? source : new URL('../dist/cli.js', import.meta.url);

if (Number(process.versions.node.split('.')[0]) >= OLDEST) await import(cli.href);
else runOn(ownNode());

function ownNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    const why = `this is Node ${process.versions.node}, Lull needs ${OLDEST} or newer`;
    const advice = 'its own is not there, for the install script of the package "node" did not run';
    process.stderr.write(`lull: ${why}; ${advice}\n`);
    process.exit(1);
  }
}

/** Stands in for a process of another Node: its signals go there, and its end is the end of this one. */
function runOn(node) {
  const child = spawn(node, [fileURLToPath(cli), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`lull: ${error.message}\n`);
    process.exit(1);
  });
  child.on('close', (code) => process.exit(code ?? 1));
}
