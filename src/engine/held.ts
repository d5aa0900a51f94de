/** The checkpoints whose lease this replica holds, and what it remembers of each between its looks. */
import type { Json } from '../contracts/observer.ts';
import { newWatch, type Watch } from '../domain/watermark.ts';
import { reapAbandoned } from '../store/emit.ts';
import { acquireLeases, type CheckpointKey, type Lease } from '../store/lease.ts';
import type { OpenCanaries } from '../store/look.ts';
import { readWatches } from '../store/register.ts';
import type { DueKey } from '../store/settle.ts';
import { Known } from './known.ts';
import type { Engine, LiveCheckpoint, LivePipeline } from './live.ts';

/** A checkpoint whose lease we hold. */
export interface Held {
  readonly pipeline: LivePipeline;
  readonly checkpoint: LiveCheckpoint;
  readonly lease: Lease;
  watch: Watch;
  cursor: Json | undefined;
  readonly known: Known;
  /** Own failures (store, bug) back off here; the backend's stand in the watch. */
  notBeforeMs: number;
  failures: number;
  /** When it was last looked at or probed. */
  lookedMs: number | null;
  /** The inbox has something, or rows are left over. */
  wanted: boolean;
  /** Something was found missing, and the detectors haven't been fed since. */
  missing: boolean;
  /** As it was read when the round began. */
  open: OpenCanaries | null;
  /** How far a round came that was cut off: the next one goes on from there. */
  after: DueKey | null;
}

export interface Holding {
  all(): Held[];
  get(key: CheckpointKey): Held | undefined;
  /** Renews the leases when it is time, takes those that are free, and forgets those that are gone. */
  renew(): Promise<void>;
  /** Its lease is over. */
  drop(held: Held): void;
  /** All leases are over, and are taken anew with the next `renew`. */
  dropAll(): void;
}

export const keyOf = (k: CheckpointKey): string => `${k.pipeline}/${k.checkpoint}`;

type Place = Pick<Held, 'pipeline' | 'checkpoint'>;

export function createHolding(engine: Engine): Holding {
  const { clock } = engine.ctx;
  const held = new Map<string, Held>();
  let renewedMono = Number.NEGATIVE_INFINITY;

  async function renew(): Promise<void> {
    if (clock.mono() - renewedMono < engine.leaseMs / 4) return;
    const places = engine.pipelines.flatMap(p => p.checkpoints.map(c => ({ pipeline: p, checkpoint: c })));
    const wanted = places.map(p => ({ ...p.checkpoint.key, generation: p.pipeline.generation }));
    const { self, leaseMs } = engine;
    const own = await acquireLeases(engine.sql, { self, leaseMs, wanted });
    const leases = new Map(own.map(l => [keyOf(l), l]));
    renewedMono = clock.mono();
    engine.storeFault.worked();
    await reapAbandoned(engine.sql, { nowMs: clock.now(), leaseMs });
    for (const key of held.keys()) if (!leases.has(key)) held.delete(key);
    await take(places, leases);
  }

  /** Learns where things stand at what we didn't hold under this fence. */
  async function take(places: readonly Place[], leases: ReadonlyMap<string, Lease>): Promise<void> {
    const fresh = places.filter(({ checkpoint: { key } }) => {
      const lease = leases.get(keyOf(key));
      return lease && held.get(keyOf(key))?.lease.fence !== lease.fence;
    });
    if (fresh.length === 0) return;
    const watches = await readWatches(engine.sql, [...new Set(fresh.map(f => f.pipeline.number))]);
    const states = new Map(watches.map(s => [keyOf(s), s]));
    for (const place of fresh) {
      const key = keyOf(place.checkpoint.key);
      const lease = leases.get(key);
      const state = states.get(key);
      if (!lease || !state) continue;
      held.set(key, {
        ...place,
        lease,
        // What was put off before is tried at once: by another clock, perhaps.
        watch: { ...newWatch, ...state.watermark, notBeforeMs: 0 },
        cursor: (state.cursor ?? undefined) as Json | undefined,
        known: new Known(),
        notBeforeMs: 0,
        failures: 0,
        lookedMs: null,
        wanted: true,
        missing: true,
        open: null,
        after: null,
      });
    }
  }
  return {
    all: () => [...held.values()],
    get: key => held.get(keyOf(key)),
    renew,
    drop(h) {
      if (held.get(keyOf(h.lease)) === h) held.delete(keyOf(h.lease));
    },
    dropAll() {
      held.clear();
      renewedMono = Number.NEGATIVE_INFINITY;
    },
  };
}
