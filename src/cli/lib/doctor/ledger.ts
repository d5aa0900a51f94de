/** Checks of the store itself: reachable, ours, of this version, on the same time, and no older copy of itself. */
import type { Config } from '../../../config/config.ts';
import { formatBytes, formatDuration } from '../../../domain/words.ts';
import { pendingMigrations } from '../../../store/migrate.ts';
import type { Sql } from '../../../store/open.ts';
import { countAlive, readIdentity, readStrangers, type Strangers } from '../../../store/restored.ts';
import { context } from '../context.ts';
import { CliError } from '../exit.ts';
import { type CliStore, openAnyStore, storeTrouble } from '../store.ts';
import { bad, type Finding, hint, ok, unknown } from './finding.ts';
import { checkMeasured } from './measured.ts';

const SKEW_WARN_MS = 1_000;
const SKEW_BAD_MS = 10_000;
const SERVER_MIN = 140_000;

export async function checkLedger(config: Config): Promise<Finding[]> {
  let store: CliStore;
  try {
    store = await openAnyStore(config, { create: false });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [unknown('store', error.message, 'make it reachable, or correct store:')];
  }
  try {
    return await examine(store, config);
  } catch (error) {
    const told = storeTrouble(error);
    if (!(told instanceof CliError)) throw error;
    return [unknown('store', told.message, 'make it usable')];
  } finally {
    await store.close().catch(() => {});
  }
}

async function examine({ sql, describe }: CliStore, config: Config): Promise<Finding[]> {
  const found: Finding[] = [await checkServer(sql, describe), await checkClock(sql)];
  const pending = await pendingMigrations(sql);
  if (pending.length > 0) {
    found.push(
      bad(
        'tables',
        `this version’s are missing (${pending.join(', ')})`,
        'run `coalmine migrate`, or start `coalmine run`',
      ),
    );
    return found;
  }
  const identity = await readIdentity(sql);
  if (!identity) return [...found, ok('tables', 'this version’s, and unused yet')];
  const alive = await countAlive(sql);
  const { storeId, epochs } = identity;
  found.push(
    ok('tables', `this version’s; store ${storeId}, epoch ${epochs.at(-1)}; ${alive} running on it`),
  );
  const strangers = await readStrangers(sql);
  found.push(...strangers.map(strangerFinding));
  found.push(...(await checkMeasured(sql, config)));
  return found;
}

async function checkServer(sql: Sql, describe: string): Promise<Finding> {
  const [row] = await sql<{ version: string; number: number; size: number }[]>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
           pg_database_size(current_database()) as size`;
  const says = `${describe} answers: PostgreSQL ${row?.version}, ${formatBytes(row?.size ?? 0)}`;
  return (row?.number ?? 0) >= SERVER_MIN
    ? ok('store', says)
    : bad('store', says, 'upgrade it to PostgreSQL 14 or newer');
}

/** As NTP does: the database's time lies between our asking and its answer. */
async function checkClock(sql: Sql): Promise<Finding> {
  const { clock } = context;
  const offsets: { readonly skewMs: number; readonly tripMs: number }[] = [];
  for (let i = 0; i < 3; i++) {
    const askedMs = clock.now();
    const [row] = await sql<
      { now: number }[]
    >`select (extract(epoch from clock_timestamp()) * 1000)::int8 as now`;
    const answeredMs = clock.now();
    offsets.push({ skewMs: (row?.now ?? 0) - (askedMs + answeredMs) / 2, tripMs: answeredMs - askedMs });
  }
  const best = offsets.reduce((a, b) => (b.tripMs < a.tripMs ? b : a));
  const skew = Math.abs(best.skewMs);
  const says = `the database’s is ${formatDuration(skew)} ${best.skewMs < 0 ? 'behind' : 'ahead of'} ours, ± ${formatDuration(best.tripMs / 2 + 1)}`;
  if (skew > SKEW_BAD_MS) return bad('clock', says, 'set both by NTP: delays are told by ours');
  return skew > SKEW_WARN_MS ? hint('clock', says, 'set both by NTP') : ok('clock', says);
}

function strangerFinding(s: Strangers): Finding {
  const from = new Date(s.first_slot).toISOString();
  const to = new Date(s.last_slot).toISOString();
  const says =
    `${s.pipeline}: ${s.count} canaries between ${from} and ${to} are signed by our keys, and this ledger never sent them` +
    (s.planned > 0 ? ` (${s.planned} of them at times when it had planned others)` : '') +
    ': it is an older copy of itself (a restored backup), or a copy of it runs elsewhere';
  const fix =
    'if a backup was restored: stop every coalmine on this store, run `coalmine migrate --new-epoch`, and start again. If a copy runs elsewhere: do so there';
  return bad('restored backup', says, fix);
}
