/** What was noticed beside the verdicts, in plain words: what it is, and whose matter it is. */
import type { FindingView, PipelineView } from '../../engine/overview.ts';
import { ago, plural } from './when.ts';

export interface Said {
  readonly title: string;
  readonly meaning: string;
}

type Saying = readonly [one: string, many: string, meaning: string];

const SAYINGS: Readonly<Record<string, Saying>> = {
  echo: [
    'echo',
    'echoes',
    'A record quotes a canary without being it, such as a collector’s error line. It counts for nothing, and often says why events are missing.',
  ],
  forged: [
    'forged token',
    'forged tokens',
    'A token with a wrong signature. Somebody imitates a canary, or another store signs with other keys.',
  ],
  orphan: [
    'orphan',
    'orphans',
    'A validly signed canary that this ledger doesn’t know: a restored backup, or a second store with the same keys. In no rate until explained.',
  ],
  duplicate: [
    'duplicate',
    'duplicates',
    'The same canary arrived more often than it was sent: the path repeats events.',
  ],
  altered: [
    'altered canary',
    'altered canaries',
    'Arrived with fields changed, cut or missing that no declared transformation explains.',
  ],
  vanished: [
    'look without known records',
    'looks without known records',
    'Canaries that had been seen were no longer found: a broken look, or deleted records. Nothing is declared lost meanwhile.',
  ],
  restored: [
    'restored backup',
    'restored backups',
    'This ledger is an older copy of itself and began a new epoch. What was sent since the backup was made isn’t in it: those canaries arrive as orphans, and their slots count as not sent. Ours, never the pipeline’s.',
  ],
  false_absence: [
    'false absence',
    'false absences',
    'A look should have shown a canary and did not: the backend’s own ingest time says it was there. Our error rate, not the path’s.',
  ],
  unparked: [
    'identity past the bound',
    'identities past the bound',
    'Sign-ins of others came faster than could be told from ours while one of ours was under way. Canaries of that time count as unproven: narrow the checkpoint’s query to the canary’s own client.',
  ],
  clock_step: [
    'clock step',
    'clock steps',
    'Our own clock jumped. Looks before it were voided and open deadlines restarted.',
  ],
  skipped: ['skipped beat', 'skipped beats', 'We were too late to send. Ours, never the pipeline’s.'],
};

export function said(f: FindingView): Said {
  const [one, many, meaning] = SAYINGS[f.kind] ?? [
    f.kind.replaceAll('_', ' '),
    f.kind.replaceAll('_', ' '),
    'Noticed, and in no rate.',
  ];
  return { title: plural(f.count, one, many), meaning };
}

/** A sample as short text. It never holds a whole token. */
export function sampleText(sample: unknown): string | null {
  if (sample === null || sample === undefined) return null;
  const text = typeof sample === 'string' ? sample : JSON.stringify(sample);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** The alarm's own test (law 11). */
export function drillWords(drill: PipelineView['drill'], nowMs: number): { ok: boolean; words: string } {
  const last = drill.lastMs === null ? null : ago(drill.lastMs, nowMs);
  const lastPassed =
    last === null ? 'None was ever found lost' : `The last one that was found lost was withheld ${last}`;
  switch (drill.state) {
    case 'found lost':
      return {
        ok: true,
        words: `passed: the canary withheld ${last ?? 'last'} was found lost, as it must be.`,
      };
    case 'open':
      return {
        ok: true,
        words: `under way: a withheld canary isn’t due to be found lost yet. ${lastPassed}.`,
      };
    case 'none':
      return { ok: true, words: 'not begun: no canary was withheld yet.' };
    case 'not found':
      return {
        ok: false,
        words: `failed: a withheld canary should have been found lost by now. Don’t trust “healthy” here. ${lastPassed}.`,
      };
    case 'unproven':
      return {
        ok: false,
        words: `can’t run: somewhere a withheld canary could not have been found lost. ${lastPassed}.`,
      };
    case 'seen':
      return {
        ok: false,
        words: 'alarm: a canary that was never sent was seen. Somebody imitates canaries.',
      };
  }
}
