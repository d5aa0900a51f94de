/** What people read at three in the morning: each kind's words as judged by eye, and what must hold of any incident. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  INCIDENT_KINDS,
  type Incident,
  type IncidentCounts,
  type IncidentKind,
  type LossFacts,
} from '../../src/domain/incident.ts';
import { factsOf, type Telling, textOf, titleOf } from '../../src/domain/incident-words.ts';
import { PATTERNS } from '../../src/domain/pattern.ts';

const T0 = Date.UTC(2026, 10, 23, 14, 2, 10);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const counts: IncidentCounts = {
  scheduled: 164,
  overdue: 5,
  lost: 29,
  recovered: 12,
  late: 3,
  arrived: 110,
  refused: 0,
  pending: 4,
  unknown: 1,
};

const loss: LossFacts = {
  counts,
  phase: 'lost',
  hop: { after: 'archive', checkpoint: 'loki' },
  checkpoints: ['loki', 'sentinel'],
  targets: { touched: ['web-2'], n: 1, of: 3 },
  firstMs: T0,
  lastMs: T0 + 7 * MINUTE,
  rate: { share: 41 / 52, low: 0.653, high: 0.889, n: 52 },
  realEvents: { n: 48_213, low: 31_007, high: 60_444 },
  heldUntilMs: T0 + 6 * HOUR,
  holdsMs: 6 * HOUR,
  hunt: {
    eventFromMs: T0,
    eventToMs: T0 + 8 * MINUTE,
    ingestFromMs: T0,
    ingestToMs: T0 + 18 * MINUTE,
    query: '{job="auth", host="web-2"}',
  },
  pattern: { name: 'outage', evidence: 'web-2 missed everything.' },
  objective: { onTime: 0.99, delivered: 0.999 },
  onTimeWithinMs: 15_000,
  lostAfterMs: 10 * MINUTE,
};

const base: Incident = {
  id: 7,
  kind: 'loss',
  pipeline: { name: 'ssh-to-loki', title: 'SSH sign-ins → Loki' },
  checkpoint: 'loki',
  state: 'open',
  beganMs: T0,
  detectedMs: T0 + 42_000,
  endedMs: null,
  reopened: 0,
  loss,
  condition: null,
  notes: [],
};
const ended: Incident = { ...base, state: 'ended', endedMs: T0 + 49 * MINUTE };
const nowMs = T0 + 20 * MINUTE;

const condition = (kind: IncidentKind, reason: string, more: Partial<Incident> = {}): Incident => ({
  ...base,
  kind,
  loss: null,
  condition: { reason, count: 3, sample: null },
  ...more,
});
const opened = (incident: Incident) => [
  titleOf(incident),
  ...textOf(incident, 'opened', { nowMs }).split('\n'),
];

describe('a loss', () => {
  test('opened', () => {
    expect(opened(base)).toEqual([
      'SSH sign-ins → Loki: canaries of web-2 have been lost between archive and loki since 2026-11-23 14:02 UTC',
      'Of 164 canaries so far: 29 lost, 5 overdue, 12 back after being declared lost, 3 late, 110 arrived, 4 not decided yet, 1 of unknown fate.',
      'After the first miss of each target touched, 41 of 52 canaries were missing at their deadline: 78.8% (95% interval 65.3% to 88.9%). The objective is 99.9% delivered.',
      'Seen at archive, not at loki, nor at sentinel. Targets touched: 1 of 3 (web-2).',
      'Since 2026-11-23 14:02:10 UTC; detected 2026-11-23 14:02:52 UTC, 42 s later.',
      'What ships to loki holds events for 6 h: restart it before 2026-11-23 20:02:10 UTC, in 5 h 40 min, or the oldest are overwritten.',
      'It looks like an outage: web-2 missed everything.',
      'If real events fared like the canaries, about 48,200 of them are missing so far (31,000 to 60,400).',
      'Hunt again among events of 2026-11-23 14:02:10 to 14:10:10 UTC, taken in 2026-11-23 14:02:10 to 14:20:10 UTC:',
      '{job="auth", host="web-2"}',
      'Lost means: not there 10 min after sending, by looks that see. It may still come. Canaries take the way of real events, but none of this was measured on real ones.',
      'First: restart what ships the events of web-2. It may look healthy all the while.',
    ]);
  });

  test('overdue only, straight after sending, with nothing else known', () => {
    const only: LossFacts = {
      ...loss,
      phase: 'overdue',
      counts: {
        ...counts,
        scheduled: 9,
        overdue: 3,
        lost: 0,
        recovered: 0,
        late: 0,
        arrived: 6,
        pending: 0,
        unknown: 0,
      },
      hop: { after: null, checkpoint: 'archive' },
      checkpoints: ['archive'],
      targets: { touched: ['web-1', 'web-2', 'web-3'], n: 3, of: 3 },
      rate: { share: 1 / 3, low: 0.0749, high: 0.7007, n: 9 },
      realEvents: null,
      holdsMs: null,
      heldUntilMs: null,
      pattern: null,
      hunt: { ...loss.hunt, query: null },
    };
    expect(opened({ ...base, loss: only })).toEqual([
      'SSH sign-ins → Loki: canaries of all 3 targets have been overdue between sending and archive since 2026-11-23 14:02 UTC',
      'Of 9 canaries so far: 3 overdue, 6 arrived.',
      'After the first miss of each target touched, 3 of 9 canaries were missing at their deadline: 33.3% (95% interval 7.5% to 70.1%). The objective is 99% on time.',
      'They were sent, and not seen at archive. Targets touched: 3 of 3 (web-1, web-2 and web-3).',
      'Since 2026-11-23 14:02:10 UTC; detected 2026-11-23 14:02:52 UTC, 42 s later.',
      'Hunt again among events of 2026-11-23 14:02:10 to 14:10:10 UTC, taken in 2026-11-23 14:02:10 to 14:20:10 UTC.',
      'Overdue means: not there 15 s after sending. It isn’t called lost before 10 min. Canaries take the way of real events, but none of this was measured on real ones.',
      'First: look between sending and archive for errors, full queues and rejected events. “coalmine test ssh-to-loki” follows one canary hop by hop.',
    ]);
  });

  test('refused', () => {
    const refused: LossFacts = {
      ...loss,
      phase: 'refused',
      counts: {
        ...counts,
        scheduled: 1200,
        overdue: 0,
        lost: 0,
        recovered: 0,
        late: 0,
        arrived: 0,
        refused: 1200,
        pending: 0,
        unknown: 0,
      },
      rate: { share: 1, low: 0.9969, high: 1, n: 1200 },
      targets: { touched: ['a', 'b', 'c', 'd', 'e', 'f'], n: 40, of: 100 },
      realEvents: null,
      pattern: null,
    };
    expect(opened({ ...base, kind: 'refused', loss: refused })).toEqual([
      'SSH sign-ins → Loki: the first hop has refused canaries of 40 of 100 targets since 2026-11-23 14:02 UTC',
      'Of 1,200 canaries so far: 1,200 refused.',
      'After the first miss of each target touched, 1,200 of 1,200 canaries were refused: 100% (95% interval 99.69% to 100%). The objective is 99.9% delivered.',
      'The first hop refuses them. Targets touched: 40 of 100 (a, b, c, d and 36 more).',
      'Since 2026-11-23 14:02:10 UTC; detected 2026-11-23 14:02:52 UTC, 42 s later.',
      'Hunt again among events of 2026-11-23 14:02:10 to 14:10:10 UTC, taken in 2026-11-23 14:02:10 to 14:20:10 UTC:',
      '{job="auth", host="web-2"}',
      'Refused means: the first hop said no, so it was not taken in. Canaries take the way of real events, but none of this was measured on real ones.',
      'First: read what the first hop answers: credentials, quota, size limits, rate limits.',
    ]);
  });

  test('resolved, and the same told at once as a summary', () => {
    const context = { nowMs: T0 + HOUR };
    expect(titleOf(ended)).toBe(
      'SSH sign-ins → Loki: canaries of web-2 were lost between archive and loki from 2026-11-23 14:02 to 14:51 UTC',
    );
    const [first, ...rest] = textOf(ended, 'resolved', context).split('\n');
    expect(first).toBe('It is over since 2026-11-23 14:51:10 UTC, after 49 min.');
    expect(rest.slice(0, 2)).toEqual([
      'Of 41 canaries declared lost, 12 came back and 29 were not back by 2026-11-23 15:02:10 UTC.',
      'Of 164 canaries: 29 lost, 5 overdue, 12 back after being declared lost, 3 late, 110 arrived, 4 not decided yet, 1 of unknown fate.',
    ]);
    expect(rest.at(-1)).toBe(
      'Left to do: search there again. What isn’t back may still be on the hosts themselves.',
    );
    expect(textOf(ended, 'summary', context).split('\n')).toEqual([
      'It began and ended before you could be told. It lasted 49 min.',
      ...rest,
    ]);
  });

  test('all came back; one came back; none was lost', () => {
    const closed = (changed: Partial<IncidentCounts>, phase: LossFacts['phase'] = 'lost') => {
      const incident: Incident = { ...ended, loss: { ...loss, phase, counts: { ...counts, ...changed } } };
      return [titleOf(incident), textOf(incident, 'resolved', { nowMs }).split('\n')[1]];
    };
    expect(closed({ lost: 0, recovered: 41 })).toEqual([
      'SSH sign-ins → Loki: canaries of web-2 were held up between archive and loki from 2026-11-23 14:02 to 14:51 UTC; all came back',
      'All 41 declared lost came back.',
    ]);
    expect(closed({ lost: 0, recovered: 1 })[1]).toBe('The one declared lost came back.');
    expect(closed({ lost: 1, recovered: 0 })[1]).toBe(
      'Of 1 canary declared lost, 0 came back and 1 was not back by 2026-11-23 14:22:10 UTC.',
    );
    expect(closed({ lost: 0, recovered: 0 }, 'overdue')).toEqual([
      'SSH sign-ins → Loki: canaries of web-2 were late between archive and loki from 2026-11-23 14:02 to 14:51 UTC',
      'None was declared lost.',
    ]);
  });

  test('worsened: what is new', () => {
    const earlier: Incident = {
      ...base,
      loss: {
        ...loss,
        phase: 'overdue',
        counts: { ...counts, lost: 0, overdue: 4 },
        targets: { ...loss.targets, n: 0 },
      },
    };
    const said = (before: Incident | null) =>
      textOf(base, 'worsened', { nowMs, earlier: before }).split('\n')[0];
    expect(said(earlier)).toBe(
      'It got worse. What was overdue is now lost. 29 canaries lost now, 0 when last told. 5 canaries overdue now, 4 when last told. 1 target touched now, 0 when last told.',
    );
    expect(said(null)).toBe('It got worse.');
  });

  test('reminder: how long, and who has it', () => {
    const said = (incident: Incident) => textOf(incident, 'reminder', { nowMs }).split('\n')[0];
    expect(said(base)).toBe('Still open after 20 min. Nobody has taken it yet.');
    const notes = [{ atMs: T0 + MINUTE, by: 'alice', text: '', kind: 'ack' as const }];
    expect(said({ ...base, notes })).toBe(
      'Still open after 20 min. alice took it at 2026-11-23 14:03:10 UTC.',
    );
  });

  test('time left, and when it has run out', () => {
    const line = (changed: Partial<LossFacts>) =>
      textOf({ ...base, loss: { ...loss, ...changed } }, 'opened', { nowMs })
        .split('\n')
        .find(l => l.startsWith('What ships'));
    const gone =
      'What ships to loki holds events for 15 min: since 2026-11-23 14:17:10 UTC the oldest may be gone for good.';
    expect(line({ holdsMs: 15 * MINUTE, heldUntilMs: null })).toBe(gone);
    expect(line({ holdsMs: 15 * MINUTE, heldUntilMs: T0 + 15 * MINUTE })).toBe(gone);
    expect(line({ holdsMs: null, heldUntilMs: null })).toBeUndefined();
    expect(line({ counts: { ...counts, lost: 0, overdue: 0 } })).toBeUndefined();
  });

  test('what to do first follows from what it looks like', () => {
    const first = (name: (typeof PATTERNS)[number]) =>
      textOf({ ...base, loss: { ...loss, pattern: { name, evidence: 'e.' } } }, 'opened', { nowMs }).split(
        '\n',
      );
    const said = PATTERNS.map(name => {
      const all = first(name);
      return [all.find(l => l.startsWith('It looks like')), all.at(-1)];
    });
    expect(said).toEqual([
      [
        'It looks like an outage: e.',
        'First: restart what ships the events of web-2. It may look healthy all the while.',
      ],
      [
        'It looks like a random drop: e.',
        'First: look between archive and loki for drops under load: full queues, rate limits, rejected or sampled events.',
      ],
      [
        'It looks like a stall then burst: e.',
        'First: find what stopped web-2; it can stop again. Rules that read only the newest events have missed what came late.',
      ],
      [
        'It looks like a stall and overwrite: e.',
        'First: restart whatever still stalls. What was overwritten has to be taken from the hosts themselves.',
      ],
      [
        'It looks like periodic loss: e.',
        'First: look between archive and loki for what runs at that rhythm: log rotation, a flush, a cron job, a renewal of tokens.',
      ],
      [
        'It looks like loss by target: e.',
        'First: compare web-2 with a target that is spared: version, configuration, load, route.',
      ],
      [
        'It looks like growing loss: e.',
        'First: restart what ships the events of the targets touched. Then find what spreads, such as a rollout or a leak.',
      ],
    ]);
  });

  test('facts', () => {
    expect(factsOf(ended, { nowMs: T0 + HOUR }).map(f => `${f.label}: ${f.value}`)).toEqual([
      'Pipeline: SSH sign-ins → Loki',
      'Where: between archive and loki',
      'Targets touched: 1 of 3: web-2',
      'Canaries: 164',
      'Lost, not back by 2026-11-23 15:02:10 UTC: 29',
      'Lost, then back: 12',
      'Overdue: 5',
      'Late: 3',
      'Arrived: 110',
      'Not decided yet: 4',
      'Of unknown fate: 1',
      'Rate after the first miss of each target: 41 of 52: 78.8% (95% interval 65.3% to 88.9%)',
      'Objective: 99% on time, 99.9% delivered',
      'Began: 2026-11-23 14:02:10 UTC',
      'Detected: 2026-11-23 14:02:52 UTC',
      'Ended: 2026-11-23 14:51:10 UTC',
      'Duration: 49 min',
      'Held until: 2026-11-23 20:02:10 UTC, for 5 h more',
      'Pattern: outage',
      'Evidence: web-2 missed everything.',
      'Real events missing, if they fared alike: about 48,200 (31,000 to 60,400)',
      'Hunt among events of: 2026-11-23 14:02:10 to 14:10:10 UTC',
      'Taken in: 2026-11-23 14:02:10 to 14:20:10 UTC',
      'Query: {job="auth", host="web-2"}',
    ]);
  });
});

describe('every other kind', () => {
  test('blind, whole', () => {
    const blind = condition('blind', 'the last 4 looks failed: 401 Unauthorized', { detectedMs: T0 });
    expect(opened(blind)).toEqual([
      'SSH sign-ins → Loki: we can’t see at loki since 2026-11-23 14:02 UTC',
      'We can’t see, which is neither loss nor health. Nothing can be said of canaries sent since.',
      'Not known to be the pipeline’s fault: what fails is our way to look.',
      'Observed: the last 4 looks failed: 401 Unauthorized.',
      'Where: loki.',
      'Since 2026-11-23 14:02:10 UTC; detected 2026-11-23 14:02:10 UTC.',
      'First: check that the backend answers, that our credentials hold, and that we aren’t throttled.',
    ]);
    const over: Incident = { ...blind, state: 'ended', endedMs: T0 + HOUR, reopened: 2 };
    expect([titleOf(over), ...textOf(over, 'resolved', { nowMs: T0 + 2 * HOUR }).split('\n')]).toEqual([
      'SSH sign-ins → Loki: we could not see at loki from 2026-11-23 14:02 to 15:02 UTC',
      'It is over since 2026-11-23 15:02:10 UTC, after 1 h.',
      'Not known to be the pipeline’s fault: what fails is our way to look.',
      'Observed: the last 4 looks failed: 401 Unauthorized.',
      'Where: loki.',
      'From 2026-11-23 14:02:10 to 15:02:10 UTC; detected 2026-11-23 14:02:10 UTC. It ended and came back 2 times.',
    ]);
  });

  test('titles', () => {
    const what = (kind: IncidentKind) =>
      titleOf(condition(kind, 'r'))
        .replace('SSH sign-ins → Loki: ', '')
        .replace(' since 2026-11-23 14:02 UTC', '');
    const kinds = (Object.keys(INCIDENT_KINDS) as IncidentKind[]).filter(
      k => k !== 'loss' && k !== 'refused',
    );
    expect(Object.fromEntries(kinds.map(kind => [kind, what(kind)]))).toEqual({
      altered: 'canaries have arrived altered at loki',
      identity_used: 'somebody else has used the identity of the canaries at loki',
      forged: 'forged tokens have turned up at loki',
      blind: 'we can’t see at loki',
      vanished: 'records that we had seen have been gone at loki',
      not_proven: 'no canary has been seen at loki',
      silent: 'our own emitter has been silent',
      unsent: 'our canaries have gone unsent',
      drill_seen: 'withheld canaries have been seen at loki',
      drill_not_found: 'the alarm has failed its own test at loki',
      orphans: 'canaries that we don’t know have arrived at loki',
      echoes: 'tokens have turned up outside events at loki',
      duplicates: 'canaries have arrived more than once at loki',
      reordering: 'canaries have arrived out of order at loki',
      skew: 'clocks have disagreed at loki',
      clock_step: 'our clock has not been steady',
      scheduler_lag: 'we have run late',
      false_absence: 'our looks have missed what is there at loki',
      notices_failing: 'notices have not been delivered',
    });
  });

  test('a worse condition says by how much; a sample is one line', () => {
    const sample = { line: 'sshd[1]: …', copies: 2 };
    const forged = condition('forged', 'r', { condition: { reason: 'r', count: 4_000, sample } });
    const text = textOf(forged, 'worsened', { nowMs, earlier: condition('forged', 'r') });
    expect(text.split('\n')[0]).toBe('It got worse. 4,000 now, 3 when last told.');
    expect(text).toContain('\nSample: {"line":"sshd[1]: …","copies":2}\n');
  });
});

describe('of any incident', () => {
  const time = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });
  const n = fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(5_000_000));
  const word = (max: number) =>
    fc.string({ unit: fc.constantFrom(...'abcx-_/ →é漢😀\n'), maxLength: max - 1 }).map(rest => `x${rest}`);
  const kinds = Object.keys(INCIDENT_KINDS) as IncidentKind[];
  const share = fc.double({ min: 0, max: 1, noNaN: true });

  const anyCounts: fc.Arbitrary<IncidentCounts> = fc
    .record({ overdue: n, lost: n, recovered: n, late: n, arrived: n, refused: n, pending: n, unknown: n })
    .map(parts => ({ ...parts, scheduled: Object.values(parts).reduce((a, b) => a + b, 0) }));

  const anyLoss: fc.Arbitrary<LossFacts> = fc
    .record({
      counts: anyCounts,
      phase: fc.constantFrom('overdue' as const, 'lost' as const, 'refused' as const),
      hop: fc.record({ after: fc.option(word(80)), checkpoint: word(80) }),
      checkpoints: fc.array(word(80), { maxLength: 8 }),
      names: fc.array(word(250), { maxLength: 100 }),
      more: fc.nat(1000),
      firstMs: time,
      lastMs: time,
      rate: fc.record({ share, low: share, high: share, n }),
      realEvents: fc.option(fc.record({ n, low: n, high: n })),
      heldUntilMs: fc.option(time),
      holdsMs: fc.option(fc.nat(30 * 24 * HOUR)),
      hunt: fc.record({
        eventFromMs: time,
        eventToMs: time,
        ingestFromMs: time,
        ingestToMs: time,
        query: fc.option(fc.constantFrom('{job="auth"}', 'a\n| where x')),
      }),
      pattern: fc.option(fc.constantFrom(...PATTERNS).map(name => ({ name, evidence: 'e.' }))),
    })
    .map(({ names, more, ...facts }) => ({
      ...facts,
      targets: { touched: names, n: names.length, of: names.length + more },
      objective: { onTime: 0.99, delivered: 0.999 },
      onTimeWithinMs: 15_000,
      lostAfterMs: 600_000,
    }));

  const anyIncident: fc.Arbitrary<Incident> = fc
    .record({
      kind: fc.constantFrom(...kinds),
      pipeline: fc.record({ name: word(60), title: word(400) }),
      checkpoint: fc.option(word(80)),
      beganMs: time,
      detectedMs: time,
      endedMs: fc.option(time),
      reopened: fc.nat(5),
      loss: anyLoss,
      condition: fc.record({
        reason: word(1500),
        count: fc.option(n),
        sample: fc.constantFrom(null, 'x', { a: 1 }),
      }),
      notes: fc.array(
        fc.record({
          atMs: time,
          by: word(100),
          text: word(50),
          kind: fc.constantFrom('ack' as const, 'note' as const),
        }),
      ),
    })
    .map(i => {
      const counted = i.kind === 'loss' || i.kind === 'refused';
      const state = i.endedMs === null ? 'open' : 'ended';
      return { ...i, id: 1, state, loss: counted ? i.loss : null, condition: counted ? null : i.condition };
    });
  const tellings: readonly Telling[] = ['opened', 'worsened', 'reminder', 'resolved', 'summary'];
  const told = fc.record({
    incident: anyIncident,
    telling: fc.constantFrom(...tellings),
    nowMs: time,
    earlier: fc.option(anyIncident),
  });
  const all = ({
    incident,
    telling,
    nowMs,
    earlier,
  }: {
    incident: Incident;
    telling: Telling;
    nowMs: number;
    earlier: Incident | null;
  }) => ({
    title: titleOf(incident),
    text: textOf(incident, telling, { nowMs, earlier }),
    facts: factsOf(incident, { nowMs }),
  });

  test('the title is one line of at most 200, with the time in it', () => {
    fc.assert(
      fc.property(anyIncident, incident => {
        const title = titleOf(incident);
        expect(title.length).toBeLessThanOrEqual(200);
        expect(title).not.toMatch(/\n|[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
        expect(title).toContain(new Date(incident.beganMs).toISOString().slice(0, 16).replace('T', ' '));
      }),
    );
  });

  test('a title that has to be cut is cut between characters', () => {
    for (const before of ['', 'x']) {
      const title = titleOf({
        ...base,
        pipeline: { ...base.pipeline, title: `${before}${'😀'.repeat(300)}` },
      });
      expect(title).toMatch(/^x?(😀)+…: canaries of web-2 have been lost/u);
    }
  });

  test('nothing that no person would say', () => {
    fc.assert(
      fc.property(told, given => {
        const { title, text, facts } = all(given);
        const said = [title, text, ...facts.flatMap(f => [f.label, f.value])].join('\n');
        expect(said).not.toMatch(/undefined|NaN|null|Infinity|\[object|\{at\}/);
        expect(said).not.toMatch(/\bnever\b|(^|[^,\d])1 (canaries|targets|times)\b|\*\*|`/i);
        for (const fact of facts) expect(fact.value).not.toBe('');
      }),
    );
  });

  test('one canary was, two were', () => {
    const of = (n: number) =>
      textOf({ ...base, loss: base.loss && { ...base.loss, rate: { ...base.loss.rate, n } } }, 'opened', {
        nowMs: base.detectedMs,
        earlier: null,
      });
    expect(of(1)).toMatch(/ of 1 canary was missing/);
    expect(of(2)).toMatch(/ of 2 canaries were missing/);
  });

  test('every count is said, with its thousands apart', () => {
    fc.assert(
      fc.property(told, given => {
        const { loss } = given.incident;
        if (loss === null) return;
        const { text, facts } = all(given);
        for (const count of Object.values(loss.counts)) {
          if (count === 0) continue;
          const digits = String(count).replace(/\B(?=(\d{3})+$)/g, ',');
          expect(text).toMatch(new RegExp(`(^|[^\\d,])${digits}([^\\d,]|,? )`, 'm'));
          expect(facts.map(f => f.value)).toContain(digits);
        }
      }),
    );
  });

  test('no percentage without what it is of', () => {
    fc.assert(
      fc.property(told, given => {
        const { text, facts } = all(given);
        for (const line of [...text.split('\n'), ...facts.map(f => `${f.label} ${f.value}`)])
          if (line.includes('%')) expect(line).toMatch(/[\d,]+ of [\d,]+.*%|^Objective/);
      }),
    );
  });

  test('closing words say how many came back and how many are not back by then', () => {
    fc.assert(
      fc.property(told, given => {
        const { loss } = given.incident;
        if (loss === null || loss.counts.lost === 0) return;
        const [lost, back] = [loss.counts.lost, loss.counts.recovered].map(c => c.toLocaleString('en-US'));
        for (const telling of ['resolved', 'summary'] as const) {
          const { text } = all({ ...given, telling });
          expect(text).toContain(`${back} came back and ${lost} w`);
          expect(text).toContain(
            `not back by ${new Date(given.nowMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
          );
        }
      }),
    );
  });

  test('a query stays whole', () => {
    fc.assert(
      fc.property(told, given => {
        const query = given.incident.loss?.hunt.query;
        if (query) expect(all(given).text).toContain(`\n${query}`);
      }),
    );
  });

  test('each kind says what it means, what it does not, and what to do', () => {
    for (const kind of kinds) {
      if (kind === 'loss' || kind === 'refused') continue;
      const text = textOf(condition(kind, 'r'), 'opened', { nowMs });
      expect(text, kind).toMatch(/\n(Not|Neither|No) /);
      expect(text, kind).toMatch(/\nFirst: [a-z].*\.$/);
    }
  });
});
