/**
 * Targets that come and go: lists as Prometheus' file_sd and http_sd write them, re-read now and then. A list that can't be
 * read changes nothing; a target that is no longer listed is quiet, not lost: its open canaries are judged as ever.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import type { AdapterConfig, DiscoveryConfig } from '../config/config.ts';
import type { Context } from '../contracts/context.ts';
import type { Registry } from '../contracts/registry.ts';
import { readTargets, syncTargets } from '../store/register.ts';
import { type Engine, type LivePipeline, type LiveTarget, namesOf, readSources } from './live.ts';
import { type Sifted, sift } from './sight.ts';
import { within } from './within.ts';

const FETCH_MS = 10_000;
const LIST_CHARS_MAX = 16 * 1024 * 1024;
const TARGETS_MAX = 100_000;
/** Labels `__inject_url: …` override the injector's setting `url` for the targets of their group. */
const INJECT_LABEL = '__inject_';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/;

const groupsSchema = z.array(
  z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()).default({}) }),
);

/** Target name → inject settings of its own. Throws Error with words for a person. */
export type Listed = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Parses one list, JSON or YAML. */
export function parseTargets(text: string, from: string): Listed {
  if (text.length > LIST_CHARS_MAX)
    throw new Error(`${from}: expected at most 16 MiB, found ${text.length} characters`);
  const groups = groupsSchema.safeParse(parse(text));
  if (!groups.success) {
    throw new Error(
      `${from}: expected a list of {targets: […], labels: {…}}: ${groups.error.issues[0]?.message}`,
    );
  }
  const out = new Map<string, Record<string, string>>();
  for (const group of groups.data) {
    const own = Object.entries(group.labels).filter(([k]) => k.startsWith(INJECT_LABEL));
    const settings = Object.fromEntries(own.map(([k, v]) => [k.slice(INJECT_LABEL.length), v]));
    for (const name of group.targets) {
      if (!NAME.test(name) || name === 'drill') {
        throw new Error(
          `${from}: expected target names of letters, digits and . _ : -, found ${JSON.stringify(name)}`,
        );
      }
      out.set(name, settings);
    }
  }
  if (out.size > TARGETS_MAX)
    throw new Error(`${from}: expected at most ${TARGETS_MAX} targets, found ${out.size}`);
  return out;
}

async function readLists(ctx: Context, config: DiscoveryConfig): Promise<Listed> {
  if (config.kind === 'http_sd') return parseTargets(await fetchList(ctx, config.url), config.url);
  if (!ctx.readFiles) throw new Error('this runtime has no files: use http_sd');
  const out = new Map<string, Readonly<Record<string, string>>>();
  for (const pattern of config.files) {
    const files = await ctx.readFiles(pattern);
    if (files.length === 0) throw new Error(`${pattern}: no file there`);
    for (const f of files) for (const [name, own] of parseTargets(f.text, f.path)) out.set(name, own);
  }
  return out;
}

const fetchList = ({ clock, fetch }: Context, url: string): Promise<string> =>
  within({ clock, ms: FETCH_MS, reason: `no answer within ${FETCH_MS / 1000} s` }, async signal => {
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } });
    if (response.status !== 200) throw new Error(`${url}: expected 200, found ${response.status}`);
    return await response.text();
  });

/** Re-reads a pipeline's lists and takes over what changed. Throws what `parseTargets` throws; nothing has changed then. */
export async function discover(engine: Engine, registry: Registry, live: LivePipeline): Promise<void> {
  const { discovery, inject } = live.config;
  if (!discovery) return;
  const listed = await readLists(engine.ctx, discovery);
  const own = new Map(
    [...listed].map(([name, settings]) => [name, settingsOf(registry, inject, name, settings)]),
  );
  const numbers = await syncTargets(engine.sql, live.number, [...own.keys()], engine.ctx.clock.now());
  const targets: LiveTarget[] = [];
  for (const [name, config] of own) {
    const number = numbers.get(name);
    if (number !== undefined) targets.push({ number, name, injector: await live.openInjector(config) });
  }
  live.targetByNumber = namesOf(numbers);
  live.targets = targets;
}

function settingsOf(
  registry: Registry,
  inject: AdapterConfig,
  name: string,
  own: Readonly<Record<string, string>>,
): AdapterConfig {
  if (Object.keys(own).length === 0) return inject;
  const parsed = registry.injectors.get(inject.kind)?.schema.safeParse({ ...inject.given, ...own });
  if (!parsed?.success) {
    throw new Error(
      `target ${name}: its __inject_ labels don't fit the injector: ${parsed?.error.issues[0]?.message}`,
    );
  }
  return { kind: inject.kind, settings: parsed.data };
}

/**
 * `sift`, again after learning of targets and event settings that a replica with a newer configuration has brought since,
 * where anything looked foreign. What is a stranger even then belongs to another pipeline of this store.
 */
export async function siftKnowing(engine: Engine, ...[at, ...rest]: SiftArguments): Promise<Sifted> {
  const { pipeline } = at;
  const first = sift(engine, at, ...rest);
  const noticed = [...first.findings, ...first.identities.flatMap(i => i.row.otherwise?.findings ?? [])];
  if (first.strangers === 0 && !noticed.some(f => f.kind === 'echo')) return counted(engine, first);
  pipeline.targetByNumber = namesOf(await readTargets(engine.sql, pipeline.number));
  pipeline.otherSources = await readSources(engine.sql, pipeline.number, pipeline.generation);
  return counted(engine, sift(engine, at, ...rest));
}

function counted(engine: Engine, sifted: Sifted): Sifted {
  const count = (kind: string) => sifted.findings.filter(f => f.kind === kind).length;
  engine.instruments.add('sightings', sifted.sightings.length);
  engine.instruments.add('echoes', count('echo'));
  engine.instruments.add('forged', count('forged'));
  return sifted;
}

type SiftArguments = Parameters<typeof sift> extends [unknown, ...infer Rest] ? Rest : never;
