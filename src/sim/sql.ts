/**
 * The store's client as a replica of the simulation has it: the same tagged templates and transactions as postgres.js, but
 * every statement, also `begin` and `commit`, waits at the gate for its turn.
 */
import type { Sql } from '../store/open.ts';
import { type Door, type Gate, type Holder, newHolder } from './gate.ts';

type Query = Promise<unknown> & { readonly strings: readonly string[]; readonly args: readonly unknown[] };
type Maker = (client: Sql) => PromiseLike<unknown>;
type Pass = (text: string, start: Maker) => Promise<unknown>;

/** `model` builds queries, which are executed elsewhere; it never connects. */
export function gatedSql(model: Sql, gate: Gate, door: Door): Sql {
  const pass: Pass = (text, start) => gate.pass(door, { text, start });
  const begin = async (...args: unknown[]) => {
    const work = args.at(-1) as (tx: Sql) => unknown;
    const how = args.length > 1 ? String(args[0]).replace(/[^a-z ]/gi, '') : '';
    return await transaction({ model, gate, door, how, work });
  };
  return callable(model, pass, { begin, end: async () => {} });
}

interface Transaction {
  readonly model: Sql;
  readonly gate: Gate;
  readonly door: Door;
  /** What stands behind `begin`. */
  readonly how: string;
  readonly work: (tx: Sql) => unknown;
}

/** As postgres.js does it: an error that the work swallowed still ends the transaction, and so does a lost connection. */
async function transaction({ model, gate, door, how, work }: Transaction): Promise<unknown> {
  const holder: Holder = newHolder();
  const start =
    (text: string): Maker =>
    client =>
      client.unsafe(text);
  await gate.pass(door, { text: `begin ${how}`.trim(), start: start(`begin ${how}`), keeps: holder });
  const within = (text: string, make: Maker) => gate.pass(door, { text, start: make, of: holder });
  let uncaught: unknown;
  const pass: Pass = (text, make) => {
    const result = within(text, make);
    result.catch(error => {
      uncaught ??= error;
    });
    return result;
  };
  const lost = new Promise<never>((_, reject) => {
    holder.onLost = reject;
  });
  lost.catch(() => {});
  const run = async () => {
    try {
      const result = work(callable(model, pass, {}));
      const value = await (Array.isArray(result) ? Promise.all(result) : result);
      if (uncaught !== undefined) throw uncaught;
      await within('commit', start('commit'));
      return value;
    } catch (error) {
      if (holder.session) await within('rollback', start('rollback'));
      const { code } = error as { code?: unknown };
      throw code === '25P02' && uncaught !== undefined ? uncaught : error;
    }
  };
  return await Promise.race([run(), lost]);
}

/** Statements wait at the gate when they are awaited; fragments, identifiers and parameters are as they were. */
function callable(model: Sql, pass: Pass, own: Readonly<Record<string, unknown>>): Sql {
  return new Proxy(model, {
    apply(target, self, args: unknown[]) {
      const made = Reflect.apply(target as unknown as (...a: unknown[]) => unknown, self, args);
      if (!isTemplate(args[0])) return made;
      const again: Maker = client =>
        (client as unknown as (...a: unknown[]) => PromiseLike<unknown>)(...args);
      return lazy(made as Query, pass, again);
    },
    get(target, key) {
      if (typeof key === 'string' && key in own) return own[key];
      if (key === 'unsafe') {
        return (text: string, ...rest: never[]) =>
          lazy(target.unsafe(text, ...rest) as unknown as Query, pass, client =>
            client.unsafe(text, ...rest),
          );
      }
      if (UNKNOWN.has(key)) throw new Error(`the simulator's client has no ${String(key)}`);
      return Reflect.get(target, key);
    },
  });
}

/** What no engine step uses; silently ungated it would be an ungoverned statement. */
const UNKNOWN: ReadonlySet<unknown> = new Set(['begin', 'savepoint', 'reserve', 'listen', 'notify', 'file']);

const isTemplate = (x: unknown): boolean => Array.isArray(x) && 'raw' in x;

function lazy(query: Query, pass: Pass, again: Maker): Query {
  let run: Promise<unknown> | undefined;
  const once = () => {
    run ??= pass(textOf(query), again);
    return run;
  };
  const own: Readonly<Record<string, unknown>> = {
    // biome-ignore lint/suspicious/noThenProperty: it is a promise, as the driver's queries are.
    then: (a: never, b: never) => once().then(a, b),
    catch: (b: never) => once().catch(b),
    finally: (c: never) => once().finally(c),
    cursor: () => {
      throw new Error("the simulator's client has no cursors");
    },
  };
  return new Proxy(query, {
    get: (target, key) =>
      typeof key === 'string' && key in own ? own[key] : (Reflect.get(target, key, target) as unknown),
  });
}

/** With the fragments in it. */
function textOf(query: Query): string {
  const { strings, args } = query;
  return strings.reduce((text, part, i) => {
    const arg = args[i - 1];
    return `${text}${isQuery(arg) ? textOf(arg) : '?'}${part}`;
  });
}

const isQuery = (x: unknown): x is Query =>
  typeof x === 'object' && x !== null && 'strings' in x && 'args' in x && Array.isArray(x.args);
