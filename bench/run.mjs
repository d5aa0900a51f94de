// `npm run bench -- NAME`: compiles bench/ beside its own copy of src/, runs one bench, prints one JSON document on stdout.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const names = readdirSync(import.meta.dirname)
  .filter(file => file.endsWith('.ts'))
  .map(file => file.slice(0, -3));
const [name, ...rest] = process.argv.slice(2);
if (!names.includes(name) || rest.length > 0) {
  const found = name === undefined ? 'no name' : `"${process.argv.slice(2).join(' ')}"`;
  process.stderr.write(`expected one bench, found ${found}: npm run bench -- ${names.join(' | ')}\n`);
  process.exit(2);
}
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(root, 'tsconfig.bench.json')], {
  stdio: ['ignore', 2, 2],
});
const { run } = await import(join(root, 'dist-bench/bench', `${name}.js`));
process.stdout.write(
  `${JSON.stringify({ bench: name, node: process.version, ...(await run()) }, null, 2)}\n`,
);
