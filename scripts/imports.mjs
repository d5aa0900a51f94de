// Holds the house of docs/architecture.md: imports go down only, in the order below, and never in a circle.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** What each room may import. A room may always import itself. */
const below = {
  domain: [],
  stats: ['domain'],
  contracts: ['domain'],
  config: ['domain', 'contracts'],
  // What every adapter needs, whichever way it faces: bounded HTTP, redaction, setting types.
  adapters: ['domain', 'contracts'],
  injectors: ['domain', 'contracts', 'adapters'],
  observers: ['domain', 'contracts', 'adapters'],
  notifiers: ['domain', 'contracts', 'adapters'],
  'registry.gen.ts': ['contracts', 'injectors', 'observers', 'notifiers'],
  'registry.workerd.gen.ts': ['contracts', 'injectors', 'observers', 'notifiers'],
  store: ['domain', 'stats', 'contracts', 'config'],
  engine: ['domain', 'stats', 'contracts', 'config', 'store'],
  lab: ['domain/formats'],
  sim: ['domain', 'stats', 'contracts', 'config', 'store', 'engine', 'lab', 'web', 'registry.gen.ts'],
  web: ['domain', 'stats', 'contracts', 'config', 'store', 'engine'],
  runtimes: [
    'domain',
    'stats',
    'contracts',
    'config',
    'store',
    'engine',
    'lab',
    'web',
    'registry.gen.ts',
    'registry.workerd.gen.ts',
  ],
  cli: [
    'domain',
    'stats',
    'contracts',
    'config',
    'store',
    'engine',
    'lab',
    'sim',
    'web',
    'runtimes',
    'registry.gen.ts',
  ],
  'index.ts': ['domain', 'contracts', 'config'],
};

const src = resolve(import.meta.dirname, '..', 'src');
const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter(f => f.isFile() && /\.tsx?$/.test(f.name))
  .map(f => join(f.parentPath ?? f.path, f.name));
const importsOf = new Map();
const problems = [];

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const from = relative(src, file);
  const room = from.split('/')[0];
  if (!(room in below)) problems.push(`${from}: no room "${room}" in scripts/imports.mjs`);
  const out = [];
  for (const m of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const target = resolve(dirname(file), m[1]);
    const to = relative(src, target);
    if (to.startsWith('..')) continue;
    out.push(target);
    const toRoom = to.split('/')[0];
    const allowed = toRoom === room || (below[room] ?? []).some(b => to === b || to.startsWith(`${b}/`));
    if (!allowed) problems.push(`${from}: imports ${to}, which is not below ${room}`);
  }
  importsOf.set(file, out);
  if (room === 'domain' && /from 'node:(?!crypto')/.test(text))
    problems.push(`${from}: the domain may import node:crypto only`);
}

const state = new Map();
const visit = (file, trail) => {
  if (state.get(file) === 'done') return;
  if (state.get(file) === 'open') {
    const at = trail.indexOf(file);
    problems.push(`circle: ${[...trail.slice(at), file].map(f => relative(src, f)).join(' → ')}`);
    return;
  }
  state.set(file, 'open');
  for (const next of importsOf.get(file) ?? []) visit(next, [...trail, file]);
  state.set(file, 'done');
};
for (const file of files) visit(file, []);

for (const p of problems) console.error(p);
if (problems.length > 0) process.exit(1);
console.log(`imports: ${files.length} files, all downwards, no circle`);
