/**
 * What goes wrong in the parts of a path, as small pure models: a dispatcher that stalls before a ring buffer, something that
 * drops, a poller whose cursor moves on, a stream that deactivates itself.
 */
import type { Spell } from './scenario-path.ts';

/**
 * A dispatcher that stalls and is restarted. All that is taken in stays in a ring that holds `holdsMs` of it; a restart ships
 * what is left, in the order in which it came, over `drainMs`. What the ring no longer held is gone.
 */
export function stalled(of: {
  readonly agent: number;
  readonly fromMs: number;
  readonly restartMs: number;
  readonly holdsMs: number;
  readonly drainMs: number;
}): Spell {
  const { agent, fromMs, restartMs, holdsMs, drainMs } = of;
  const oldestMs = Math.max(fromMs, restartMs - holdsMs);
  const heldMs = Math.max(1, restartMs - oldestMs);
  return {
    agent,
    fromMs,
    toMs: restartMs,
    lab: 'stall',
    visibleMs: atMs =>
      atMs < oldestMs ? Number.POSITIVE_INFINITY : restartMs + (drainMs * (atMs - oldestMs)) / heldMs,
  };
}

/** Something that is gone for a while, with all that comes to it. */
export const dropping = (agent: number, fromMs: number, toMs: number): Spell => ({
  agent,
  fromMs,
  toMs,
  lab: 'drop',
  visibleMs: () => Number.POSITIVE_INFINITY,
});

/** Asks, every so often, for events by their own time since the last poll, less an overlap. Its cursor moves by the clock. */
export interface Poller {
  readonly everyMs: number;
  readonly overlapMs: number;
}

/**
 * When a poller fetches an event of `atMs` that its source shows from `shownMs` on. Infinity: every poll that asks for events of
 * that time came before the source showed it, and the cursor has moved on.
 */
export function fetchedMs(atMs: number, shownMs: number, { everyMs, overlapMs }: Poller): number {
  const pollMs = Math.ceil(shownMs / everyMs) * everyMs;
  const asksFromMs = pollMs - everyMs - overlapMs;
  return asksFromMs <= atMs ? pollMs : Number.POSITIVE_INFINITY;
}

/** A source that shows nothing for a while and then everything, behind a poller. */
export const polledLate = (of: {
  readonly agent: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly poller: Poller;
}): Spell => ({
  agent: of.agent,
  fromMs: of.fromMs,
  toMs: of.toMs,
  lab: null,
  visibleMs: atMs => fetchedMs(atMs, of.toMs, of.poller),
});

/**
 * A stream that deactivates itself when `attempts` deliveries in a row fail with no wait between, and stays so until somebody
 * activates it. A receiver that is away for a moment is enough. There is no replay.
 * @param of.awayMs when its receiver doesn't answer, half open
 */
export function deactivating(of: {
  readonly agent: number;
  readonly awayMs: readonly (readonly [fromMs: number, toMs: number])[];
  /** A delivery takes so long to fail. */
  readonly failsAfterMs: number;
  readonly attempts: number;
  readonly activatedMs: number;
}): Spell | null {
  const needMs = of.failsAfterMs * (of.attempts - 1);
  const away = of.awayMs.find(([fromMs, toMs]) => toMs - fromMs > needMs);
  return away ? dropping(of.agent, away[0], of.activatedMs) : null;
}
