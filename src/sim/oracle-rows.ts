/** Every canary at every checkpoint as the store has it, beside what the lab knows of it. Reads tables, judges nothing. */
import type { CanaryTruth } from '../lab/truth.ts';
import type { Between, Times } from './oracle-times.ts';
import type { SimWorld } from './world.ts';

const VERDICTS =
  'pending overdue on_time late delivered lost recovered missed_here refused maybe_sent unsent unproven'.split(
    ' ',
  );
const SENDINGS = 'accepted refused maybe_sent unsent withheld'.split(' ');
export const ABSENT_AT_D = 1;
export const ABSENT_AT_L = 2;

export interface Judged {
  readonly pipeline: string;
  readonly checkpoint: string;
  readonly isRetired: boolean;
  readonly kind: string;
  /** target.slot.index */
  readonly name: string;
  readonly key: string;
  readonly isDrill: boolean;
  readonly sending: string | null;
  readonly verdict: string;
  readonly flags: number;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly isRestarted: boolean;
  readonly committedMs: number;
  readonly attempts: number;
  readonly copies: number;
  readonly lostMs: number | null;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  readonly keepsMs: number;
  readonly observe: string;
}

interface Row {
  pipeline: string;
  pipeline_number: number;
  checkpoint: string;
  checkpoint_number: number;
  retired: boolean;
  kind: string;
  target: number;
  drill: boolean;
  slot: number;
  index: number;
  due_ms: number;
  restart_ms: number | null;
  committed_ms: number;
  generation: number;
  sending: number | null;
  last_off: number | null;
  attempts: number | null;
  verdict: number | null;
  flags: number | null;
  note: { copies?: number; lostMs?: number } | null;
}

/** @param only `exceptional`: only rows that hold something out of the ordinary. */
export async function readJudged(world: SimWorld, only: 'all' | 'exceptional'): Promise<Judged[]> {
  const { sql } = world;
  const rows = await sql<Row[]>`
    select p.id as pipeline, p.number as pipeline_number, c.id as checkpoint, c.number as checkpoint_number, c.retired, b.kind,
           b.targets[n] as target, t.state = 'drill' as drill, b.slot, b.index, b.due_ms, b.restart_ms, b.committed_ms,
           b.generation, b.sendings[n] as sending, b.last_offs[n] as last_off, b.attempts[n] as attempts,
           m.verdicts[n] as verdict, m.flags[n] as flags, m.notes->(n - 1)::text as note
      from mark m join beat b using (pipeline, slot, part)
      join pipeline p on p.number = m.pipeline
      join checkpoint c on c.pipeline = m.pipeline and c.number = m.checkpoint
      cross join lateral generate_series(1, cardinality(b.targets)) n
      join target t on t.number = b.targets[n]
     where ${only === 'all'} or m.exceptional
     order by b.slot, b.part, n, c.number`;
  const rules = await rulesOf(world);
  return rows.flatMap(r => {
    const rule = rules.get(`${r.pipeline_number} ${r.generation} ${r.checkpoint}`);
    if (!rule) return [];
    const lastMs = r.due_ms + (r.last_off ?? 0);
    const name = `${r.target}.${r.slot}.${r.index}`;
    return {
      pipeline: r.pipeline,
      checkpoint: r.checkpoint,
      isRetired: r.retired,
      kind: r.kind,
      name,
      key: `${r.pipeline}/${r.checkpoint} ${name}`,
      isDrill: r.drill,
      sending: r.sending === null ? null : (SENDINGS[r.sending] ?? null),
      verdict: VERDICTS[r.verdict ?? 0] ?? 'pending',
      flags: r.flags ?? 0,
      dueMs: r.due_ms,
      sentMs: r.restart_ms === null ? lastMs : Math.max(lastMs, r.restart_ms),
      isRestarted: r.restart_ms !== null,
      committedMs: r.committed_ms,
      attempts: r.attempts ?? 0,
      copies: r.note?.copies ?? 1,
      lostMs: r.note?.lostMs ?? null,
      ...rule,
    };
  });
}

type Rule = Pick<Judged, 'onTimeWithinMs' | 'lostAfterMs' | 'keepsMs' | 'observe'>;

/** Deadlines by pipeline, generation and checkpoint: a beat is judged by those of its own generation. */
async function rulesOf({ sql, configs }: SimWorld): Promise<Map<string, Rule>> {
  const specs = await sql<{ pipeline: number; id: string; number: number; spec: Spec }[]>`
    select g.pipeline, p.id, g.number, g.spec from generation g join pipeline p on p.number = g.pipeline`;
  const out = new Map<string, Rule>();
  for (const { pipeline, id, number, spec } of specs) {
    for (const c of spec.checkpoints) {
      const known = configs
        .flatMap(config => config.pipelines.filter(p => p.id === id).flatMap(p => p.checkpoints))
        .find(k => k.id === c.id);
      if (!known) continue;
      out.set(`${pipeline} ${number} ${c.id}`, {
        onTimeWithinMs: c.onTimeWithinMs,
        lostAfterMs: c.lostAfterMs,
        keepsMs: known.keepsMs,
        observe: known.observe.kind,
      });
    }
  }
  return out;
}

interface Spec {
  readonly checkpoints: readonly { id: string; onTimeWithinMs: number; lostAfterMs: number }[];
}

/** What the lab knows of one canary at the place that a checkpoint looks at. */
export interface Fate {
  readonly truth: CanaryTruth | undefined;
  /** When it first became visible there; null: it never did. */
  readonly visible: Between | null;
  /** It may have got there, and nobody in the lab heard so. */
  readonly isDoubtful: boolean;
  readonly copies: number;
}

export interface Named {
  readonly truth: CanaryTruth;
  readonly epoch: number;
}

/** Finds truths by the names in their tokens. Tokens of a former life of the store are kept apart. */
export class Truths {
  readonly #names = new Map<string, { readonly name: string; readonly epoch: number } | null>();

  /** By name; the oldest life of the store first. */
  of(world: SimWorld): Map<string, Named[]> {
    const out = new Map<string, Named[]>();
    for (let cursor: number | null = 0; cursor !== null; ) {
      const page = world.lab.truth({ cursor, limit: 10_000 });
      for (const truth of page.data) {
        const known = this.nameOf(world, truth.token);
        if (!known) continue;
        const all = [...(out.get(known.name) ?? []), { truth, epoch: known.epoch }];
        out.set(
          known.name,
          all.sort((a, b) => a.epoch - b.epoch),
        );
      }
      cursor = page.next;
    }
    return out;
  }

  nameOf(world: SimWorld, token: string): { readonly name: string; readonly epoch: number } | null {
    const known = this.#names.get(token);
    if (known) return known;
    const verified = world.keyring?.verify(token);
    if (verified?.kind !== 'valid') return null;
    const { target, slot, index } = verified.name;
    const found = { name: `${target}.${slot}.${index}`, epoch: verified.epoch };
    this.#names.set(token, found);
    return found;
  }
}

export function fateOf(row: Judged, truth: CanaryTruth | undefined, times: Times): Fate {
  const isPush = row.observe === 'receive';
  const place = truth?.places[isPush ? 'export' : 'store'];
  const atMs = isPush ? truth?.times.exportedMs : minOf(truth?.storedAllMs ?? []);
  return {
    truth,
    visible: atMs === undefined ? null : times.ofLab(atMs),
    isDoubtful: isPush && place !== undefined && (place.dropped > 0 || place.underWay > 0),
    copies: place?.stored ?? 0,
  };
}

const minOf = (all: readonly number[]): number | undefined =>
  all.length === 0 ? undefined : Math.min(...all);
