/**
 * Detectors are fed strictly in order and exactly once: their cursors never go back, and what they hold is what a detector
 * written here, straight from the formulas, makes of the ledger's rows (Shin, Ramdas, Rinaldo, "E-detectors").
 */
import type { Laws } from './laws-laws.ts';
import type { SimWorld } from './world.ts';

interface Fed {
  readonly key: string;
  readonly fed_ms: number | null;
  readonly beats: number;
  readonly log_threshold: number;
}

export function detectorLaws(): Laws {
  const known = new Map<string, Fed>();
  return {
    async atStep(world) {
      if (isDisturbed(world)) return [];
      const rows = await world.sql<Fed[]>`
        select pipeline || '.' || checkpoint || ' ' || objective as key, fed_ms, coalesce((state->>'beats')::int, 0) as beats, log_threshold
          from detector`;
      return rows.flatMap(now => {
        const before = known.get(now.key);
        known.set(now.key, now);
        return before ? backwards(before, now) : [];
      });
    },
    atEnd: async world => (isDisturbed(world) ? [] : await refed(world)),
  };
}

/** Another generation's null, another life's rows, another time: what was fed before can't be told from the rows now. */
const isDisturbed = ({ plan, clockSteps, restores }: SimWorld): boolean =>
  clockSteps.length > 0 ||
  restores.length > 0 ||
  plan.actions.some(a => a.do === 'config' || a.do === 'restore');

function backwards(before: Fed, now: Fed): string[] {
  const out: string[] = [];
  if ((now.fed_ms ?? 0) < (before.fed_ms ?? 0))
    out.push(`${now.key}: its cursor went back from ${before.fed_ms} to ${now.fed_ms}`);
  if (now.beats < before.beats) out.push(`${now.key}: ${before.beats} beats fed became ${now.beats}`);
  if (now.log_threshold < before.log_threshold) out.push(`${now.key}: its threshold fell`);
  return out;
}

interface Held {
  readonly pipeline: number;
  readonly checkpoint: number;
  readonly id: string;
  readonly fed_ms: number;
  readonly state: {
    beats: number;
    watches: Record<string, { at: number; odds: { m: number }[] }>;
    alarms: Record<string, unknown>;
  };
  readonly alarmed: boolean;
}

interface Beat {
  readonly slot: number;
  readonly n: number;
  readonly losses: number;
}

/** For `delivered`: what is fed of it stands in the rows for good. What is missing at several checkpoints is told at one of them. */
async function refed(world: SimWorld): Promise<string[]> {
  if (world.configs.some(c => c.maintenance.length > 0)) return [];
  const held = await world.sql<Held[]>`
    select d.pipeline, d.checkpoint, p.id, d.fed_ms, d.state,
           exists (select from incident i where i.pipeline = d.pipeline and i.kind in ('loss', 'refused')) as alarmed
      from detector d join pipeline p on p.number = d.pipeline
     where d.objective = 'delivered' and d.fed_ms is not null and d.state <> '{}'
       and ((select count(*) from checkpoint c where c.pipeline = d.pipeline) = 1
            or not exists (select from mark m join beat b using (pipeline, slot, part), generate_series(1, cardinality(b.targets)) n
                            where m.pipeline = d.pipeline and b.sendings[n] = 0 and m.flags[n] & 10 <> 0))`;
  const out: string[] = [];
  for (const h of held) {
    const objective = world.configs[0]?.pipelines.find(p => p.id === h.id)?.objective.delivered;
    if (objective === undefined) continue;
    const beats = await beatsOf(world, h);
    const key = `detector of ${h.id}.${h.checkpoint}`;
    if (beats.length !== h.state.beats) {
      out.push(
        `${key}: it was fed ${h.state.beats} beats, and the ledger holds ${beats.length} up to its cursor`,
      );
      continue;
    }
    const watch = h.state.watches[0];
    const isReset = h.alarmed || Object.keys(h.state.alarms).length > 0;
    if (watch === undefined || isReset) {
      if (!isReset && beats.some(b => b.losses > 0)) out.push(`${key}: it was fed losses, and holds none`);
      continue;
    }
    const mine = naive(beats.slice(0, watch.at), 1 - objective);
    const theirs = watch.odds.slice(-mine.length).map(o => o.m);
    if (mine.some((m, i) => Math.abs(m - theirs[i]!) > 1e-6 * Math.max(1, m)))
      out.push(`${key}: it holds ${theirs.join(', ')}, and the ledger's rows give ${mine.join(', ')}`);
  }
  return out;
}

async function beatsOf({ sql }: SimWorld, h: Held): Promise<Beat[]> {
  // Accepted; covered; absent at L is a loss, and seen an arrival.
  return await sql<Beat[]>`
    select b.slot, count(*)::int as n, (count(*) filter (where m.flags[n] & 2 <> 0))::int as losses
      from mark m join beat b using (pipeline, slot, part)
      cross join lateral generate_series(1, cardinality(b.targets)) n
      join target t on t.number = b.targets[n]
     where m.pipeline = ${h.pipeline} and m.checkpoint = ${h.checkpoint} and b.kind = 'planned' and b.slot <= ${h.fed_ms}
       and t.state <> 'drill' and b.sendings[n] = 0 and m.flags[n] & 4 = 0
       and (m.flags[n] & 2 <> 0 or m.seen_offs[n] is not null)
     group by b.slot order by b.slot`;
}

/** e-SR, M ← (1 + M)·L, for each rate of the reference above twice the null's; a beat is one trial, its ratios averaged. */
function naive(beats: readonly Beat[], p0: number): number[] {
  const rates = [0.01, 0.05, 0.25, 0.999].filter(p1 => p1 > 2 * p0);
  return rates.map(p1 => {
    let m = 0;
    for (const { n, losses } of beats)
      m = ((1 + m) * (losses * (p1 / p0) + (n - losses) * ((1 - p1) / (1 - p0)))) / n;
    return m;
  });
}
