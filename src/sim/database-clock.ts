/**
 * The database's clock, virtual too: functions of the same names as PostgreSQL's, found before them by the sessions of a
 * simulation, which read the time that the simulator told their session. Production code knows nothing of it.
 */

/** Run once in the template, after the migrations. */
export const CLOCK_DDL: readonly string[] = [
  'create schema sim',
  `create function sim.clock_timestamp() returns timestamptz language sql volatile as
     $$ select to_timestamp(current_setting('sim.now_ms')::float8 / 1000) $$`,
  `create function sim.now() returns timestamptz language sql stable as
     $$ select to_timestamp(current_setting('sim.now_ms')::float8 / 1000) $$`,
];

/** The functions come before PostgreSQL's own, and new tables still go to `public`. */
export const SEARCH_PATH = 'public, sim, pg_catalog';

const READS_CLOCK = /\b(clock_timestamp|now)\s*\(/i;

/** Whether a statement must be told the time. */
export const readsClock = (text: string): boolean => READS_CLOCK.test(text);
