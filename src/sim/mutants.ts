/** Planted bugs: each is one a careless change could bring, and each must be caught by some seed. */

import type { Flavour } from './generate-flavour.ts';
import type { MutantPlan } from './mutants-plans.ts';

export interface Mutant {
  readonly name: string;
  /** Below src/, and with `.js` below dist/. */
  readonly file: string;
  /** Stands there exactly once, on one line and without types, so that it reads the same when built. */
  readonly find: string;
  readonly replace: string;
  /** What then goes wrong. */
  readonly why: string;
  /** The storms that are tried first. */
  readonly flavour: Flavour;
  /** What is known to catch it, tried before anything else: a seed (brief), or a plan of mutants-plans.ts. */
  readonly by: number | MutantPlan | null;
}

const of = (
  name: string,
  file: string,
  find: string,
  replace: string,
  flavour: Flavour,
  why: string,
  by: number | MutantPlan | null = null,
): Mutant => ({ name, file, find, replace, flavour, why, by });

export const MUTANTS: readonly Mutant[] = [
  of(
    'a look need not find again what was seen',
    'domain/watermark.ts',
    "const sees = rules.way === 'query' ? facts.anchorFound : watch.proven;",
    'const sees = true;',
    'query',
    'W3: a backend that shows nothing proves that nothing is there',
  ),
  of(
    'an empty 200 is trusted',
    'domain/watermark.ts',
    'if (!sees) {',
    'if (!sees && facts.found > 0) {',
    'query',
    'W3: an empty answer moves W',
  ),
  of(
    'a truncated look counts as whole',
    'engine/ask.ts',
    "if (end.end !== 'truncated' || range.by === 'follow' || spanMs < 2 || depth >= DEPTH_MAX)",
    "if (end.end === 'truncated') end.end = 'exhausted'; if (spanMs > 0)",
    'wire',
    'law 2; loki-canary’s limit without paging (peers, pitfall 3)',
    'more than may be read',
  ),
  of(
    'a failed look moves W',
    'domain/watermark.ts',
    "if (facts.end !== 'exhausted') {",
    'if (facts.endedMs < facts.startedMs) {',
    'query',
    'law 2: an outage of the verifier read as loss (pitfall 2)',
    'pages that break off',
  ),
  of(
    'W is read after the sightings',
    'domain/watermark.ts',
    'const wMs = facts.startedMs - rules.settleMs;',
    'const wMs = facts.endedMs + 1_500;',
    'path',
    'W1: what became visible during the look is taken for absent',
  ),
  of(
    'a hole between self-probes is no gap',
    'domain/watermark.ts',
    'const hole = watch.wMs === null || wMs - watch.wMs > staleAfterMs(rules);',
    'const hole = watch.wMs === null;',
    'crashes',
    'W2: what was pushed while nobody listened counts as lost',
  ),
  of(
    'no second look',
    'domain/absence.ts',
    'if (proof.secondLook === null)',
    'if (proof.nowMs > 0)',
    'clocks',
    'W2: absence by the chain alone, which a wrong clock of the backend slips through',
  ),
  of(
    'gaps don’t count',
    'domain/absence.ts',
    'if (inGap(watch.gaps, canary.sentMs, atMs))',
    'if (watch.gaps.length < 0)',
    'crashes',
    'W4: lost inside of a gap',
  ),
  of(
    'the last page is dropped',
    'observers/http.ts',
    'if (taken.length > 0)',
    'if (taken.length > 0 && taken.length === s.page_size)',
    'nothing',
    'what stands on it is never seen',
  ),
  of(
    'the first page is the whole answer',
    'observers/loki.ts',
    "if (kind === 'end' || next.startNs >= endNs) {",
    "if (kind === 'end' || next.startNs >= place.startNs) {",
    'path',
    'pitfall 3: what stands on later pages is taken for absent',
  ),
  of(
    'an echo counts',
    'domain/recognise.ts',
    "return seen ? 'sighting' : 'echo';",
    "return 'sighting';",
    'path',
    'law 3: a collector’s error line vouches for what it dropped',
    'dropped and quoted',
  ),
  of(
    'deadlines run from the first attempt',
    'domain/row.ts',
    'const lastMs = row.due_ms + (row.last_offs?.[i] ?? 0);',
    'const lastMs = row.due_ms + (row.first_offs?.[i] ?? 0);',
    'path',
    'a retry of our own makes the path late',
    'retries that succeed',
  ),
  of(
    'late is on time',
    'domain/verdict.ts',
    'if (seen.atMs <= onTimeUntilMs)',
    'if (seen.atMs <= lostFromMs)',
    'path',
    'delays are told too short',
  ),
  of(
    'lost is for ever',
    'domain/verdict.ts',
    'if (e.seen !== null)',
    'if (e.seen !== null && !e.absentAtL)',
    'path',
    'law 4; late read as lost for ever (pitfall 4)',
    'held up past L',
  ),
  of(
    'a time-out counts as sent',
    'injectors/lib/http.ts',
    "return { outcome: { result: 'maybe_sent', reason, again: true } };",
    "return { outcome: { result: 'refused', reason } };",
    'wire',
    'law 1: what nobody knows is said to be refused',
  ),
  of(
    'an open row is in the rollup each time',
    'domain/settlement.ts',
    'delta: row.folded ? difference(counts, row.counts) : closed ? counts : {},',
    'delta: closed ? counts : {},',
    'path',
    'a recovery is counted twice',
  ),
  of(
    'what was lost is forgotten',
    'domain/settlement.ts',
    'noteOf(state.notes, i).lostMs ??= proof.watch.wMs ?? 0;',
    'void proof;',
    'path',
    'law 4: the record that it was lost must stay',
  ),
  of(
    'copies add up at every look',
    'domain/take-evidence.ts',
    'const copies = Math.min(COPIES_MAX, Math.max(before, e.copies, others.length + 1));',
    'const copies = before + e.copies;',
    'nothing',
    'a re-read counts as a duplicate (law 7)',
  ),
  of(
    'beats are fed newest first',
    'engine/detect.ts',
    'for (const parts of beats) {',
    'for (const parts of beats.toReversed()) {',
    'path',
    'detectors are fed out of order',
  ),
  of(
    'only what misses something is fed',
    'engine/detect.ts',
    'const present = new Set(trials.targets);',
    'if (trials.losses.length === 0) continue; const present = new Set(trials.targets);',
    'path',
    'detectors take the share of loss for far higher than it is',
    'held up past L',
  ),
  of(
    'the outbox row is forgotten',
    'engine/notice.ts',
    'to.map(notifier => ({ incident: row.number, notifier, notice }))',
    "to.filter(() => event !== 'resolved').map(notifier => ({ incident: row.number, notifier, notice }))",
    'path',
    'an incident ends, and nobody hears',
    'held up past L',
  ),
  of(
    'notices have new ids',
    'notifiers/webhook.ts',
    'id: headerId(notice.id),',
    "id: headerId(notice.id + '-' + ctx.clock.mono()),",
    'path',
    'receivers can’t drop what comes twice',
  ),
  of(
    'the drill is sent',
    'engine/send.ts',
    'const injector = injectors.get(target);',
    'const injector = injectors.get(target) ?? [...injectors.values()][0];',
    'nothing',
    'law 11: the positive control is none',
  ),
  of(
    'a slot is planned by whoever comes',
    'store/emit.ts',
    'where p.number = step.pipeline and p.planned_to_ms = step.from_ms and p.generation = step.generation',
    'where p.number = step.pipeline and p.generation = step.generation',
    'replicas',
    'replicas on one store send one beat each',
  ),
  of(
    'a turned-away push is no gap',
    'engine/receive.ts',
    "engine.instruments.add('pushes_refused');",
    "engine.instruments.add('pushes_refused'); return;",
    'store',
    'W2: what we refused ourselves counts as the path’s loss',
  ),
  of(
    'fences don’t hold',
    'store/lease.ts',
    ', fence = c.fence + 1',
    ', fence = c.fence',
    'replicas',
    'a holder that fell asleep goes on writing',
    'holders die',
  ),
];
