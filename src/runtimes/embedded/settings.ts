/**
 * The server's settings. They go on its command line, which outweighs the cluster's own files, so a newer
 * coalmine brings its own. Chosen for one node: small, quiet when idle, and never at the cost of durability.
 */

export type Settings = Readonly<Record<string, string>>;

export const SETTINGS: Settings = {
  // Reached through a socket in a directory that only we may enter; never over the network.
  listen_addresses: '',
  port: '5432',
  unix_socket_permissions: '0700',
  cluster_name: 'coalmine',
  max_connections: '40',
  timezone: 'UTC',

  // An acknowledged canary is on disk. Turning this off lost thousands of acknowledged rows in every crash tried.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',

  // Footprint. Parallel queries would want shared memory that containers ration, and workers for every reader.
  shared_buffers: '32MB',
  effective_cache_size: '256MB',
  maintenance_work_mem: '32MB',
  huge_pages: 'off',
  jit: 'off',
  io_method: 'sync',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',

  // Nobody replicates from it.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  min_wal_size: '32MB',
  max_wal_size: '512MB',
  checkpoint_timeout: '15min',

  // Few wake-ups: background writers have little to do beside small pools that commit synchronously.
  bgwriter_delay: '10s',
  bgwriter_lru_maxpages: '0',
  wal_writer_delay: '10s',

  // Small tables whose rows all change within minutes: vacuum early, it costs next to nothing.
  autovacuum: 'on',
  autovacuum_naptime: '30s',
  autovacuum_max_workers: '2',
  autovacuum_worker_slots: '2',
  autovacuum_vacuum_threshold: '500',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_vacuum_insert_scale_factor: '0.1',
  autovacuum_analyze_scale_factor: '0.05',
  random_page_cost: '1.1',

  // Read by us through a pipe. Statements and details would carry tokens, so they are left out.
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
  log_timezone: 'UTC',
  lc_messages: 'C',
};

/** As arguments of `postgres`; later ones win. */
export const settingArgs = (...all: readonly Settings[]): string[] =>
  Object.entries(Object.assign({}, ...all) as Settings).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
