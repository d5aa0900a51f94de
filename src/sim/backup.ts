/** The store kept as it is at one moment, and put back: every table and every sequence, inside the same database. */
import type { Sql } from '../store/open.ts';

/** All in one snapshot, while the replicas go on, as `pg_dump` does it. */
export async function takeBackup(sql: Sql): Promise<void> {
  await sql.begin('isolation level repeatable read', async tx => {
    await tx.unsafe('drop schema if exists sim_backup cascade');
    await tx.unsafe('create schema sim_backup');
    await tx.unsafe(`
      do $$ declare t record; begin
        for t in select tablename as name from pg_tables where schemaname = 'public' loop
          execute format('create table sim_backup.%1$I as table public.%1$I', t.name);
        end loop;
        create table sim_backup.sim_sequence as
          select sequencename::text as name, last_value from pg_sequences where schemaname = 'public';
      end $$`);
  });
}

/** False: there is no backup. Nobody may be at work on the store. */
export async function restoreBackup(sql: Sql): Promise<boolean> {
  const [there] = await sql<{ there: boolean }[]>`
    select to_regclass('sim_backup.sim_sequence') is not null as there`;
  if (!there?.there) return false;
  await sql.unsafe(`
    do $$ declare t record; begin
      set local session_replication_role = replica;
      for t in select tablename as name from pg_tables where schemaname = 'public' loop
        execute format('truncate public.%I cascade', t.name);
      end loop;
      for t in select tablename as name from pg_tables where schemaname = 'public' loop
        execute format('insert into public.%1$I overriding system value table sim_backup.%1$I', t.name);
      end loop;
      for t in select * from sim_backup.sim_sequence loop
        perform setval(format('public.%I', t.name)::regclass, coalesce(t.last_value, 1), t.last_value is not null);
      end loop;
    end $$`);
  return true;
}
