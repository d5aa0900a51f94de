/**
 * How far this ledger had planned, kept outside of it: a database can't know that it is an older copy of itself, and a
 * copy would give names out again that its other life has used. Wherever the mark is ahead of the ledger, a backup was
 * put back, and a new epoch begins.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Log } from '../../contracts/context.ts';
import type { Sql, Tx } from '../../store/open.ts';
import {
  beginNewEpoch,
  behind,
  countAlive,
  type Plans,
  readIdentity,
  readPlanMarks,
} from '../../store/restored.ts';
import { StartError } from './start-error.ts';

interface Mark {
  readonly storeId: string;
  readonly epoch: number;
  readonly plans: Plans;
}

export interface HighWater {
  /** Keeps how far the plans stand, now and then: at most once in `EVERY_MS`, or at once. Never throws. */
  keep(plans: Plans, atOnce?: boolean): Promise<void>;
}

/** A crash forgets what was planned since; so long a stretch of names could be given out twice by a backup younger than it. */
const EVERY_MS = 10_000;

/**
 * Where marks may lie, best first. Beside an embedded store's directory, since what restores that directory restores what
 * is in it; in it where nothing can be written beside it. Of a PostgreSQL elsewhere: where services keep their state.
 */
export function markPlaces(dataDir: string | undefined, storeId: string, env = process.env): string[] {
  if (dataDir !== undefined) {
    return [join(dirname(dataDir), `${basename(dataDir)}.high-water`), join(dataDir, 'high-water')];
  }
  const { STATE_DIRECTORY, XDG_STATE_HOME } = env;
  const home = process.geteuid?.() === 0 ? '/var/lib' : (XDG_STATE_HOME ?? join(homedir(), '.local/state'));
  // systemd lists several, separated by colons.
  const directory = STATE_DIRECTORY?.split(':')[0] || join(home, 'coalmine');
  return [join(directory, `high-water-${storeId}`)];
}

/**
 * Holds the ledger against its mark and begins a new epoch where it is behind. Before an engine is opened on it.
 * Throws StartError where others sign on a ledger that is behind.
 */
export async function openHighWater(
  sql: Sql,
  store: { readonly dataDir: string | undefined; readonly log: Log; readonly nowMs: () => number },
): Promise<HighWater> {
  const { log } = store;
  const identity = await readIdentity(sql);
  if (identity) {
    const marks = await readMarks(markPlaces(store.dataDir, identity.storeId), identity.storeId);
    await compare(sql, marks, store);
  }
  let keptMs = Number.NEGATIVE_INFINITY;
  let told = false;
  let own: { readonly storeId: string; readonly epoch: number } | undefined;
  return {
    async keep(plans, atOnce = false) {
      const nowMs = performance.now();
      if (!atOnce && nowMs - keptMs < EVERY_MS) return;
      keptMs = nowMs;
      try {
        if (!own) {
          const known = await readIdentity(sql);
          if (!known) return;
          own = { storeId: known.storeId, epoch: known.epochs.at(-1) ?? 0 };
        }
        await write(markPlaces(store.dataDir, own.storeId), { ...own, plans });
      } catch (error) {
        if (!told) log('warn', 'store.high_water_not_kept', { reason: String(error), means: UNKEPT });
        told = true;
      }
    },
  };
}

const UNKEPT = 'a restored backup will be noticed only by its orphans; see `coalmine doctor`';

/** The marks that the ledger is behind, and its own plans. One of an earlier epoch is of a life that it has left behind. */
async function aheadOf(sql: Sql | Tx, marks: readonly Mark[]) {
  const plans = await readPlanMarks(sql);
  const epoch = (await readIdentity(sql))?.epochs.at(-1) ?? 0;
  const ahead = marks.filter(
    m => m.epoch > epoch || (m.epoch === epoch && behind(plans, m.plans).length > 0),
  );
  return { ahead, plans };
}

async function compare(
  sql: Sql,
  marks: readonly Mark[],
  { log, nowMs }: { readonly log: Log; readonly nowMs: () => number },
): Promise<void> {
  const { ahead, plans } = await aheadOf(sql, marks);
  if (ahead.length === 0) return;
  const untilMs = Math.max(...ahead.flatMap(m => Object.values(m.plans).map(([, toMs]) => toMs)));
  const ownMs = Math.max(0, ...Object.values(plans).map(([, toMs]) => toMs));
  const between = { from: new Date(ownMs).toISOString(), to: new Date(untilMs).toISOString() };
  const above = Math.max(...ahead.map(m => m.epoch));
  const epochs = await sql.begin(async tx => {
    await tx`lock table replica in share row exclusive mode`;
    // Another machine that starts on the same copy may have begun the new epoch just now.
    if ((await aheadOf(tx, marks)).ahead.length === 0) return null;
    if ((await countAlive(tx)) > 0) {
      throw new StartError({
        expected: 'a store that knows what this machine has planned',
        found: `one that ends at ${between.from}, an older copy, and a coalmine that runs on it`,
        do: 'stop every coalmine on this store (a killed one counts for 20 s), and start this one first',
      });
    }
    return await beginNewEpoch(tx, nowMs(), above);
  });
  if (epochs === null) return;
  log('warn', 'store.restored', {
    ...between,
    epoch: (epochs as number[]).at(-1),
    means:
      'this store is an older copy of itself (a restored backup): a new epoch begins, so that no name is used twice. ' +
      'What was sent in between isn’t in it: those canaries arrive as orphans, and nothing is lost by that',
  });
}

async function readMarks(places: readonly string[], storeId: string): Promise<Mark[]> {
  const found = await Promise.all(
    places.map(async path => {
      try {
        return JSON.parse(await readFile(path, 'utf8')) as Partial<Mark>;
      } catch {
        // Not there, or torn by a power failure: no evidence.
        return {};
      }
    }),
  );
  return found.filter(
    (m): m is Mark =>
      m.storeId === storeId &&
      Number.isSafeInteger(m.epoch) &&
      typeof m.plans === 'object' &&
      m.plans !== null,
  );
}

/** To the first place that takes it. */
async function write(places: readonly string[], mark: Mark): Promise<void> {
  const text = `${JSON.stringify(mark)}\n`;
  for (const [i, path] of places.entries()) {
    const temporary = `${path}.new`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, path);
      return;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      if (i === places.length - 1) throw error;
    }
  }
}
