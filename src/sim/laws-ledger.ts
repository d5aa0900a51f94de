/** Laws of the ledger: intent before sending, sums, leases, what was recorded stays. */
import type { Laws } from './laws-laws.ts';
import { Truths } from './oracle-rows.ts';
import type { SimWorld } from './world.ts';

const LOST = 5;

export function ledgerLaws(): Laws {
  const truths = new Truths();
  const intents = new Set<string>();
  /** Highest fence and who held it, by checkpoint. */
  const fences = new Map<string, { fence: number; holder: string | null }>();
  /** Canaries that were lost. */
  const lost = new Map<string, number>();
  let restores = 0;
  const atStep = async (world: SimWorld): Promise<string[]> => {
    if (world.restores.length > restores) {
      restores = world.restores.length;
      fences.clear();
      lost.clear();
    }
    return [
      ...(await intentFirst(world, truths, intents)),
      ...(await sums(world)),
      ...(await oneHolder(world, fences)),
      ...(await lostStays(world, lost)),
    ];
  };
  return { atStep };
}

/** Law 1: whatever the lab ever met is in the ledger, unless the life of the store in which it was sent is over. */
async function intentFirst(world: SimWorld, truths: Truths, checked: Set<string>): Promise<string[]> {
  const met = [...truths.of(world)].filter(([name]) => !checked.has(name)).map(([name]) => name);
  if (met.length === 0 || world.restores.length > 0) return [];
  const rows = await world.sql<{ name: string }[]>`
    select x.name from json_array_elements_text(${JSON.stringify(met)}::text::json) as x(name)
     where not exists (
       select from beat b where b.slot = split_part(x.name, '.', 2)::int8 and b.index = split_part(x.name, '.', 3)::int
          and split_part(x.name, '.', 1)::int = any(b.targets))`;
  for (const name of met) checked.add(name);
  return rows.map(r => `the lab met ${r.name}, which no beat intends`);
}

/** Law 10: the counts of every row sum to its canaries, and folded rows to the rollups. */
async function sums({ sql }: SimWorld): Promise<string[]> {
  const rows = await sql<{ slot: number; counts: unknown }[]>`
    select m.slot, m.counts from mark m join beat b using (pipeline, slot, part)
     where cardinality(b.targets) <> (select coalesce(sum(v.value::int), 0) from jsonb_each_text(m.counts) v)`;
  const rolled = await sql<
    { pipeline: number; checkpoint: number; hour: number; key: string; folded: number; rolled: number }[]
  >`
    with folded as (
      select m.pipeline, m.checkpoint, m.slot / 3600000 * 3600000 as hour, v.key, sum(v.value::int)::int as n
        from mark m cross join lateral jsonb_each_text(m.counts) v where m.folded group by 1, 2, 3, 4),
    rolled as (
      select r.pipeline, r.checkpoint, r.hour_ms as hour, v.key, v.value::int as n
        from rollup r cross join lateral jsonb_each_text(r.counts) v)
    select pipeline, checkpoint, hour, key, coalesce(f.n, 0) as folded, coalesce(r.n, 0) as rolled
      from folded f full join rolled r using (pipeline, checkpoint, hour, key)
     where coalesce(f.n, 0) <> coalesce(r.n, 0) and key <> 'unsent'`;
  return [
    ...rows.map(r => `the counts of slot ${r.slot} don't sum to its canaries: ${JSON.stringify(r.counts)}`),
    ...rolled.map(
      r =>
        `${r.key} of checkpoint ${r.pipeline}.${r.checkpoint}: ${r.folded} in folded rows, ${r.rolled} in the rollup`,
    ),
  ];
}

/** Two holders never have the same fence, and it never falls. */
async function oneHolder(
  { sql }: SimWorld,
  fences: Map<string, { fence: number; holder: string | null }>,
): Promise<string[]> {
  const out: string[] = [];
  const rows = await sql<{ key: string; fence: number; holder: string | null }[]>`
    select pipeline || '.' || number as key, fence, holder from checkpoint`;
  for (const { key, fence, holder } of rows) {
    const before = fences.get(key);
    if (before && fence < before.fence) out.push(`the fence of ${key} fell from ${before.fence} to ${fence}`);
    if (
      before &&
      fence === before.fence &&
      before.holder !== null &&
      holder !== null &&
      holder !== before.holder
    )
      out.push(`fence ${fence} of ${key} had two holders, ${before.holder} and ${holder}`);
    fences.set(key, { fence, holder: holder ?? (before?.fence === fence ? before.holder : null) });
  }
  return out;
}

/** Law 4: that a canary was lost, and since when, stays on record when it comes back. */
async function lostStays({ sql }: SimWorld, lost: Map<string, number>): Promise<string[]> {
  const rows = await sql<{ key: string; verdict: number; lost_ms: number | null }[]>`
    select m.pipeline || '.' || m.checkpoint || ' ' || b.targets[n] || '.' || b.slot || '.' || b.index as key, m.verdicts[n] as verdict,
           (m.notes->(n - 1)::text->>'lostMs')::float8 as lost_ms
      from mark m join beat b using (pipeline, slot, part)
      cross join lateral generate_series(1, cardinality(b.targets)) n
      join target t on t.number = b.targets[n]
     where m.exceptional and m.verdicts is not null and t.state <> 'drill'`;
  const out: string[] = [];
  const now = new Map(rows.map(r => [r.key, r]));
  for (const [key, atMs] of lost) {
    const r = now.get(key);
    if (!r) out.push(`${key} was lost, and no row says so any more`);
    else if (r.lost_ms !== atMs) out.push(`${key} was lost at ${atMs}, and that is now ${r.lost_ms}`);
    if (!r || r.lost_ms !== atMs) lost.delete(key);
  }
  for (const r of rows) {
    if (r.verdict !== LOST || lost.has(r.key)) continue;
    if (r.lost_ms === null) out.push(`${r.key} is lost, and nothing says since when`);
    else lost.set(r.key, r.lost_ms);
  }
  return out;
}
