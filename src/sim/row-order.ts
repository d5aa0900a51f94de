/**
 * SQL promises no order where none was asked for, and PostgreSQL's depends on what everybody on the server does. Here chance
 * decides it: the same for the same seed, and any that a server might choose.
 */
import { below, type Random } from './random.ts';

/** Puts the rows into an order of chance, unless the statement asks for one. What it aggregates into JSON likewise. */
export function unordered(rows: unknown, text: string, random: Random): void {
  if (!Array.isArray(rows) || rows.length === 0 || asksForOrder(text)) return;
  if (!/\border\s+by\b/i.test(text)) for (const row of rows) aggregates(row);
  if (rows.length > 1) shuffle(rows, random);
}

/** `order by` of the statement itself, not of a part in parentheses. */
export function asksForOrder(text: string): boolean {
  let depth = 0;
  for (const [found] of text.matchAll(/[()]|\border\s+by\b/gi)) {
    if (found === '(') depth++;
    else if (found === ')') depth--;
    else if (depth === 0) return true;
  }
  return false;
}

function aggregates(row: unknown): void {
  if (typeof row !== 'object' || row === null) return;
  for (const value of Object.values(row)) {
    const isAggregate = Array.isArray(value) && value.every(v => typeof v === 'object' && v !== null);
    if (isAggregate && value.length > 1) canonical(value);
  }
}

/** In place. */
function canonical(list: unknown[]): void {
  const keyed = list.map(value => ({ value, key: JSON.stringify(value) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  for (const [i, { value }] of keyed.entries()) list[i] = value;
}

function shuffle(list: unknown[], random: Random): void {
  canonical(list);
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
