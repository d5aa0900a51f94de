/** Maintenance windows: canaries that meet one are measured, and raise no alarm. Pure. */
import { Cron } from 'croner';

export type MaintenanceWindow =
  | { readonly kind: 'once'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'recurring'; readonly cron: string; readonly timezone: string; readonly forMs: number };

/** Whether [fromMs, toMs], Unix milliseconds, meets any of these windows. */
export const meetsMaintenance = (
  windows: readonly MaintenanceWindow[],
  fromMs: number,
  toMs: number,
): boolean => windows.some(w => meets(w, fromMs, toMs));

function meets(window: MaintenanceWindow, fromMs: number, toMs: number): boolean {
  if (window.kind === 'once') return window.fromMs <= toMs && window.toMs > fromMs;
  // The first beginning of a window that still lasts at `fromMs`. Croner looks strictly after what it is given.
  const begins = cronOf(window)
    .nextRun(new Date(fromMs - window.forMs))
    ?.getTime();
  return begins !== undefined && begins <= toMs;
}

const crons = new WeakMap<MaintenanceWindow, Cron>();

function cronOf(window: MaintenanceWindow & { readonly kind: 'recurring' }): Cron {
  const known = crons.get(window);
  if (known) return known;
  const cron = new Cron(window.cron, { timezone: window.timezone, mode: '6-part' });
  crons.set(window, cron);
  return cron;
}
