/** The one connection pool to PostgreSQL, as every step uses it. */
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;
export type Tx = postgres.TransactionSql<{ bigint: number }>;

export interface OpenOptions {
  /** `postgres://…`, or the Unix socket of the embedded server. */
  readonly url?: string;
  readonly host?: string;
  /** Named even for a socket: PGPORT in the environment must not count. */
  readonly port?: number;
  readonly user?: string;
  readonly database?: string;
  /** Connections at most. */
  readonly max?: number;
  /** Workers have no time for the extra round trip, and nothing here needs it. */
  readonly fetchTypes?: boolean;
  readonly applicationName?: string;
}

/** int8 holds milliseconds and counts here, all well under 2^53. */
const bigint = {
  to: 20,
  from: [20],
  serialize: (n: number) => String(n),
  parse: (s: string) => Number(s),
};

export function openStore(options: OpenOptions): Sql {
  const common = {
    max: options.max ?? 10,
    idle_timeout: 60,
    connect_timeout: 10,
    // Seconds until a lost connection is tried again: a store that is back is used within two.
    backoff: (tries: number) => Math.min(3 ** tries / 100, 2),
    fetch_types: options.fetchTypes ?? false,
    types: { bigint },
    onnotice: () => {},
    connection: { application_name: options.applicationName ?? 'coalmine', statement_timeout: 60_000 },
  };
  if (options.url !== undefined) return postgres(options.url, common);
  return postgres({
    ...common,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.user === undefined ? {} : { username: options.user }),
    ...(options.database === undefined ? {} : { database: options.database }),
  });
}
