/** Conditions of seeing: blind, vanished, not yet proven. One backend that fails several checkpoints is one cause. Pure. */
import { type Signal, stateSignal, unknownSignal } from './conditions.ts';
import { clip, count, listed, plural, utc } from './saying.ts';
import { partialToken } from './token.ts';
import { staleAfterMs, type Watch, type WatchRules } from './watch.ts';
import { type Sight, sightOf } from './watermark.ts';
import { formatDuration } from './words.ts';

/** What is known of one checkpoint's seeing. */
export interface PlaceReading {
  readonly checkpoint: number;
  readonly name: string;
  /** Checkpoints with the same are asked of the same backend. */
  readonly backend: string;
  readonly watch: Watch;
  readonly rules: WatchRules;
  /** When the first canary was accepted that should have been seen by now; null: none, or it isn't asked for. */
  readonly acceptedMs: number | null;
}

const MINUTE_MS = 60_000;
const REASON_CHARS_MAX = 300;

/** So long after a canary was accepted, a checkpoint that never saw one is told of. */
export const proofWithinMs = (lostAfterMs: number): number => Math.max(2 * lostAfterMs, 10 * MINUTE_MS);

/**
 * W is some looks old already when a checkpoint counts as blind. It lasts when three more looks, or those of a minute (to
 * which failed ones back off), have not mended it: a restart of a backend isn't worth a night.
 */
const graceMs = (rules: WatchRules): number => Math.max(MINUTE_MS, 3 * rules.lookEveryMs);

export interface SightAt {
  readonly nowMs: number;
  /** Our emitter is silent: what was never sent can't be found again. */
  readonly silent: boolean;
  /** For a person: what an anchor is to be searched by. */
  readonly sampleOf: (nameKey: string) => unknown;
}

type State = 'blind' | 'vanished' | 'unknown' | 'sees';

/** What the checkpoints of one pipeline signal. At one checkpoint never two at once. */
export function sightSignals(places: readonly PlaceReading[], at: SightAt): Signal[] {
  const signals: Signal[] = [];
  const backends = new Map<string, { place: PlaceReading; sight: Sight; state: State }[]>();
  for (const place of places) {
    if (!place.watch.proven) {
      signals.push(notProven(place));
      continue;
    }
    const sight = sightOf(place.watch, place.rules, at.nowMs);
    const members = backends.get(place.backend) ?? [];
    backends.set(place.backend, [...members, { place, sight, state: stateOf(place, sight, at) }]);
  }
  for (const members of backends.values()) {
    const all = members.map(m => m.place.checkpoint);
    for (const kind of ['blind', 'vanished'] as const) {
      const those = members.filter(m => m.state === kind);
      if (those.length > 0) signals.push({ ...groupSignal(kind, those, at), places: all });
      else if (members.some(m => m.state === 'unknown')) signals.push(unknownSignal(kind, all));
    }
  }
  return signals;
}

function stateOf({ watch, rules }: PlaceReading, sight: Sight, { nowMs, silent }: SightAt): State {
  if (sight.state === 'sees') return 'sees';
  // Between a step of our clock and the next look.
  if (sight.state === 'not_yet_proven') return 'unknown';
  if (watch.vanished) return 'vanished';
  const last = watch.lastLook;
  const fails = last !== null && last.end !== 'exhausted';
  const looks = last !== null && nowMs - last.startedMs <= Math.max(staleAfterMs(rules), 2 * MINUTE_MS);
  return silent && !(fails && looks) ? 'unknown' : 'blind';
}

function notProven({ checkpoint, name, watch, acceptedMs }: PlaceReading): Signal {
  // Nothing accepted that is still on record: it hasn't been seen for that.
  if (acceptedMs === null) return unknownSignal('not_proven', [checkpoint]);
  return stateSignal('not_proven', checkpoint, {
    beganMs: acceptedMs,
    facts: {
      reason: `canaries have been accepted since ${utc(acceptedMs)}, and not one has been seen at ${name}; ${lastLookWords(watch)}`,
      count: null,
      sample: null,
    },
  });
}

function groupSignal(
  kind: 'blind' | 'vanished',
  members: readonly { readonly place: PlaceReading; readonly sight: Sight }[],
  at: SightAt,
): Signal {
  const places = members.map(m => m.place);
  const beganMs = Math.min(
    ...members.map(m => (m.sight.state === 'blind' ? m.sight.sinceMs : Number.POSITIVE_INFINITY)),
  );
  const names = listed(
    places.map(p => p.name),
    { max: 5 },
  );
  const worst = places.toSorted((a, b) => b.watch.failures - a.watch.failures)[0] as PlaceReading;
  const anchor = worst.watch.anchors[0];
  const facts =
    kind === 'blind'
      ? { reason: blindReason(names, worst, beganMs), count: worst.watch.failures || null, sample: null }
      : {
          reason: vanishedReason(names, worst, beganMs),
          count: null,
          sample: anchor ? at.sampleOf(anchor.key) : null,
        };
  return stateSignal(kind, places[0]?.checkpoint ?? 0, {
    graceMs: Math.max(...places.map(p => graceMs(p.rules))),
    beganMs,
    facts,
  });
}

function blindReason(names: string, { watch, rules }: PlaceReading, sinceMs: number): string {
  const before = `nothing at ${names} is accounted for after ${utc(sinceMs)}`;
  if (rules.way === 'receive')
    return `${before}: no self-probe has come through the public ingest URL since; one is due every ${formatDuration(rules.lookEveryMs)}`;
  const inRow = watch.failures > 1 ? `; ${plural(watch.failures, 'look')} in a row have failed` : '';
  return `${before}: ${lastLookWords(watch)}${inRow}`;
}

function vanishedReason(names: string, { watch }: PlaceReading, sinceMs: number): string {
  const anchor = watch.anchors[0];
  const seen = anchor ? `, first seen at ${utc(anchor.seenMs)}` : '';
  const last = watch.lastLook;
  const older =
    (last?.found ?? 0) > 0
      ? '; it shows older canaries only: the backend answers as of an earlier time, or its newest records were deleted'
      : '';
  return `looks at ${names} no longer show the newest canary that they had shown until ${utc(sinceMs)}${seen}; ${lastLookWords(watch)}${older}`;
}

function lastLookWords({ lastLook }: Watch): string {
  if (lastLook === null) return 'no look has ended there yet';
  const { startedMs, end, reason, records, found } = lastLook;
  const began = `the last look, begun ${utc(startedMs)},`;
  if (end === 'exhausted')
    return `${began} read ${plural(records, 'record')} to the end and found ${found === 0 ? 'no canary' : `${count(found)} ${found === 1 ? 'canary' : 'canaries'}`} in them`;
  const why = clip(withoutTokens(reason ?? 'no reason given'), REASON_CHARS_MAX).replace(/\.$/, '');
  return `${began} ${end === 'truncated' ? 'was cut short' : 'failed'}: ${why}`;
}

/** Backends quote what they were asked; a whole token is never passed on (law 3). */
export const withoutTokens = (text: string): string => text.replace(/coalmine1[a-z2-7]+/gi, partialToken);
