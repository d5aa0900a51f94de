/** What people see: the API's counts are the ledger's, to the unit, and the pages' too; the hash chain holds. */
import { createHash } from 'node:crypto';
import type { Laws } from './laws-laws.ts';
import type { SimWorld } from './world.ts';

export const surfaceLaws = (): Laws => ({
  atEnd: async world => [...(await apiCounts(world)), ...(await chainHolds(world))],
});

type Counts = Readonly<Record<string, number>>;

interface Answer {
  readonly data: readonly {
    readonly name: string;
    readonly checkpoints: readonly {
      readonly name: string;
      readonly scheduled: number;
      readonly counts: Counts;
    }[];
  }[];
}

async function apiCounts(world: SimWorld): Promise<string[]> {
  const replica = world.replicas.find(r => r.running);
  if (!replica) return ['no replica runs, long after the storm'];
  const response = await replica.ask('/api/v1/pipelines?window=24h');
  if (response.status !== 200)
    return [`/api/v1/pipelines answered ${response.status}: ${await response.text()}`];
  const { data } = (await response.json()) as Answer;
  const ledger = await ledgerCounts(world);
  const out: string[] = [];
  for (const pipeline of data) {
    const page = await replica.ask(`/pipelines/${pipeline.name}?window=24h`);
    if (page.status !== 200) out.push(`/pipelines/${pipeline.name} answered ${page.status}`);
    for (const c of pipeline.checkpoints) {
      const mine = ledger.get(`${pipeline.name} ${c.name}`) ?? {};
      for (const key of new Set([...Object.keys(mine), ...Object.keys(c.counts)]))
        if ((mine[key] ?? 0) !== (c.counts[key] ?? 0))
          out.push(
            `API: ${c.counts[key] ?? 0} ${key} at ${pipeline.name}/${c.name}, ledger: ${mine[key] ?? 0}`,
          );
      const sum = Object.entries(c.counts).reduce((n, [key, v]) => n + (key.startsWith('drill_') ? 0 : v), 0);
      if (sum !== c.scheduled)
        out.push(`API: ${c.scheduled} scheduled at ${pipeline.name}/${c.name}, and counts sum to ${sum}`);
    }
  }
  return out;
}

/** Rollups and what isn't folded into them. */
async function ledgerCounts({ sql }: SimWorld): Promise<Map<string, Record<string, number>>> {
  const rows = await sql<{ pipeline: string; checkpoint: string; key: string; n: number }[]>`
    select p.name as pipeline, c.name as checkpoint, v.key, sum(v.value::int)::int as n
      from (select pipeline, checkpoint, counts from rollup
            union all select pipeline, checkpoint, counts from mark where not folded) x
      join pipeline p on p.number = x.pipeline
      join checkpoint c on c.pipeline = x.pipeline and c.number = x.checkpoint and not c.retired
      cross join lateral jsonb_each_text(x.counts) v group by 1, 2, 3`;
  const out = new Map<string, Record<string, number>>();
  for (const { pipeline, checkpoint, key, n } of rows) {
    const counts = out.get(`${pipeline} ${checkpoint}`) ?? {};
    counts[key] = n;
    out.set(`${pipeline} ${checkpoint}`, counts);
  }
  return out;
}

interface Link {
  readonly pipeline: number;
  readonly pipeline_id: string;
  readonly checkpoint_id: string;
  readonly number: number;
  readonly hour_ms: number;
  readonly sealed_ms: number;
  readonly counts: Counts;
  readonly delays_hash: string;
  readonly hash: string;
  readonly store_id: string;
}

/** Each link's hash, computed here from what docs/architecture.md says of it. */
async function chainHolds({ sql }: SimWorld): Promise<string[]> {
  const links = await sql<Link[]>`
    select h.*, p.id as pipeline_id, c.id as checkpoint_id, (select store_id from meta) as store_id
      from chain h join pipeline p on p.number = h.pipeline
      join checkpoint c on c.pipeline = h.pipeline and c.number = h.checkpoint
     order by h.pipeline, h.number`;
  const out: string[] = [];
  let before: Link | undefined;
  for (const l of links) {
    const previous = before?.pipeline === l.pipeline ? before : undefined;
    if (l.number !== (previous?.number ?? 0) + 1)
      out.push(`chain: link ${l.number} of ${l.pipeline_id} after ${previous?.number}`);
    const counts = Object.fromEntries(Object.entries(l.counts).sort(([a], [b]) => (a < b ? -1 : 1)));
    const said = [
      'coalmine link 1',
      previous?.hash ?? null,
      l.store_id,
      l.pipeline_id,
      l.number,
      l.checkpoint_id,
    ];
    const text = JSON.stringify([...said, l.hour_ms, l.sealed_ms, counts, l.delays_hash]);
    if (createHash('sha256').update(text).digest('hex') !== l.hash)
      out.push(`chain: link ${l.number} of ${l.pipeline_id} doesn't hold`);
    before = l;
  }
  return out;
}
