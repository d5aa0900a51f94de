/** What of the inbox speaks of our own seeing rather than of a canary: gaps, probes, and that anything was seen at all. */
import { addGap, advanceReceive, type Watch, type WatchRules } from '../domain/watermark.ts';
import { INBOX_KINDS, type InboxRow } from '../store/sight.ts';

/** The watch after it; the same object where nothing in it says anything new. Push proves itself here. */
export function withSelfEvidence(watch: Watch, inbox: readonly InboxRow[], rules: WatchRules): Watch {
  const probes: number[] = [];
  let next = watch;
  for (const r of inbox) {
    const kind = INBOX_KINDS[r.kind];
    if (kind === 'probe') probes.push(r.seen_ms);
    else if (kind === 'seen' && !next.proven) next = { ...next, proven: true };
    else if (kind === 'gap') {
      const fromMs = r.seen_after_ms ?? r.seen_ms;
      const gap = { fromMs, toMs: r.seen_ms + 1, reason: String(r.detail ?? 'turned away') };
      next = { ...next, gaps: addGap(next.gaps, gap) };
    }
  }
  for (const sentMs of probes.sort((a, b) => a - b)) next = advanceReceive(next, sentMs, rules);
  return next;
}
