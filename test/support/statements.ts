/** The store's client with every statement in a test's hand: it can wait, fail before it ran, or fail after it did. */
import type { Sql } from '../../src/store/open.ts';

/** Called around each statement, also `begin` and `commit`. What it throws is what the statement's caller gets. */
export interface Hooks {
  before?(text: string): Promise<void> | void;
  after?(text: string): Promise<void> | void;
  /** How many are with the server: +1 when one goes there, −1 when it is back. */
  atServer?(change: 1 | -1): void;
}

type Query = Promise<unknown> & { readonly strings?: readonly string[] };

export function hooked(sql: Sql, hooks: Hooks): Sql {
  const own = {
    end: 1,
    options: 1,
    parameters: 1,
    types: 1,
    typed: 1,
    json: 1,
    array: 1,
    unsafe: 1,
  } as const;
  return new Proxy(sql, {
    apply(target, self, args: unknown[]) {
      const query = Reflect.apply(target as unknown as (...a: unknown[]) => Query, self, args);
      const isStatement = Array.isArray(args[0]) && 'raw' in args[0];
      return isStatement ? watched(query, (args[0] as unknown as readonly string[]).join('?'), hooks) : query;
    },
    get(target, key) {
      if (key === 'begin') return begin(target, hooks);
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' && !(key in own) ? value.bind(target) : value;
    },
  });
}

/** A fragment of another statement is never awaited, so it is never counted. */
function watched(query: Query, text: string, hooks: Hooks): Query {
  let run: Promise<unknown> | undefined;
  const once = () => {
    run ??= (async () => {
      await hooks.before?.(text);
      hooks.atServer?.(1);
      const rows = await new Promise((done, failed) => query.then(done, failed)).finally(() =>
        hooks.atServer?.(-1),
      );
      await hooks.after?.(text);
      return rows;
    })();
    return run;
  };
  return new Proxy(query, {
    get(target, key) {
      if (key === 'then') return (a: never, b: never) => once().then(a, b);
      if (key === 'catch') return (b: never) => once().catch(b);
      if (key === 'finally') return (c: never) => once().finally(c);
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
    has: (target, key) => Reflect.has(target, key),
  });
}

const begin =
  (sql: Sql, hooks: Hooks) =>
  async (...args: unknown[]): Promise<unknown> => {
    const work = args.at(-1) as (tx: Sql) => Promise<unknown>;
    await hooks.before?.('begin');
    hooks.atServer?.(1);
    const value = await (sql.begin as unknown as (...a: unknown[]) => Promise<unknown>)(
      ...args.slice(0, -1),
      async (tx: Sql) => {
        hooks.atServer?.(-1);
        try {
          const done = await work(hooked(tx, hooks));
          await hooks.before?.('commit');
          return done;
        } finally {
          hooks.atServer?.(1);
        }
      },
    ).finally(() => hooks.atServer?.(-1));
    await hooks.after?.('commit');
    return value;
  };
