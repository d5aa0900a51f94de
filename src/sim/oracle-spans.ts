/**
 * When looking was impossible or what was seen could not be trusted, from the plan alone, generously: what happened outside of
 * these spans there is no excuse for.
 */
import type { Action, Plan } from './plan.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /**
   * - `lie`: the log store answers wrongly, and says nothing of it.
   * - `mute`: it doesn't answer, or not in time.
   * - `ours`: a replica, the store or the way to us is in trouble.
   * - `clock`: somebody's wall clock is off.
   */
  readonly kind: 'lie' | 'mute' | 'ours' | 'clock';
  readonly why: string;
}

/** Leases change hands, senders are given up, back-offs of up to a minute end. */
const AFTERMATH_MS: Readonly<Record<Span['kind'], number>> = {
  lie: 20_000,
  mute: 70_000,
  ours: 70_000,
  clock: 0,
};
/** What an engine can't tell from the truth. An answer without anything isn't among these: it must find again what was seen (W3). */
const LIES: ReadonlySet<string> = new Set(['truncate', 'stale', 'half_page', 'cursor_jumps']);

export function spansOf(plan: Plan): Span[] {
  const endMs = plan.stormMs + plan.calmMs;
  const spans: Span[] = [];
  const open = new Map<string, Omit<Span, 'toMs'>>();
  const set = (key: string, atMs: number, now: Pick<Span, 'kind' | 'why'> | null): void => {
    const before = open.get(key);
    if (before) spans.push({ ...before, toMs: atMs + AFTERMATH_MS[before.kind] });
    open.delete(key);
    if (now) open.set(key, { ...now, fromMs: atMs });
  };
  for (const action of plan.actions) apply(action, set, spans);
  for (const [key, span] of open) set(key, span.kind === 'clock' ? endMs : plan.stormMs, null);
  return spans;
}

type Set_ = (key: string, atMs: number, now: Pick<Span, 'kind' | 'why'> | null) => void;

function apply(action: Action, set: Set_, spans: Span[]): void {
  const { atMs } = action;
  const ours = (why: string) => ({ kind: 'ours', why }) as const;
  switch (action.do) {
    case 'faults': {
      const { query, queryDelayMs, skewMs } = action.patch.store ?? {};
      if (query !== undefined)
        set('query', atMs, query === 'ok' ? null : { kind: LIES.has(query) ? 'lie' : 'mute', why: query });
      if (queryDelayMs !== undefined)
        set('slow', atMs, queryDelayMs > 0 ? { kind: 'mute', why: 'slow' } : null);
      if (skewMs !== undefined) set('skew', atMs, { kind: 'clock', why: 'the backend’s clock' });
      return;
    }
    case 'wire': {
      const { host, fault } = action;
      const isQuiet = fault === 'none' || (fault === 'twice' && host === 'lab');
      const kind = host !== 'lab' ? 'ours' : LIES.has(fault) ? 'lie' : 'mute';
      set(`wire ${host}`, atMs, isQuiet ? null : { kind, why: fault });
      return;
    }
    case 'kill':
    case 'stop':
      set(`replica ${action.replica}`, atMs, ours(action.do));
      return;
    case 'start':
      set(`replica ${action.replica}`, atMs, null);
      return;
    case 'freeze':
      spans.push({ fromMs: atMs, toMs: atMs + action.forMs + AFTERMATH_MS.ours, ...ours('freeze') });
      return;
    case 'config':
    case 'backup':
    case 'restore':
      spans.push({ fromMs: atMs, toMs: atMs + AFTERMATH_MS.ours, ...ours(action.do) });
      return;
    case 'statements':
      set(`statements ${action.replica}`, atMs, action.oneIn > 0 ? ours(action.fault) : null);
      return;
    case 'store':
      set('store', atMs, action.up ? null : ours('store down'));
      return;
    case 'step':
      set(`clock ${action.whose}`, atMs, { kind: 'clock', why: 'step' });
      return;
    case 'restart_agent':
      return;
  }
}

/** Whether any of these kinds touches [fromMs, toMs]. */
export const touches = (
  spans: readonly Span[],
  kinds: readonly Span['kind'][],
  fromMs: number,
  toMs: number,
): boolean => spans.some(s => kinds.includes(s.kind) && s.fromMs <= toMs && s.toMs >= fromMs);
