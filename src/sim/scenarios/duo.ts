/** Duo, three times: a cursor that moves on (2020), a service that is stuck (June 2023), certificates that expire (September 2023). */
import { polledLate, stalled } from '../scenario-models.ts';
import { createPath, type Spell } from '../scenario-path.ts';
import { established, HOUR_MS, MINUTE_MS, type ScenarioSetup } from '../scenario-setup.ts';

const LOOKS =
  'coalmine looks just after every deadline and needs two seconds for it; the looks themselves never fail.';
const ONE_PATH =
  'One customer’s logs: every event goes through the same service, a canary a minute among them.';

const COMMON = {
  canaries: 'unpinned',
  noise: { late: 0.001, lost: 0 },
  eventsPerHour: 20_000,
} as const;

const pipeline = (checkpoint: string) => ({
  name: 'duo-sign-ins',
  title: 'Duo sign-ins',
  checkpoint,
  agent: 'duo',
  objective: { onTime: 0.99, delivered: 0.999 },
  falseAlarmsPerYear: 1,
  volume: true,
});

const pathOf = (spell: Spell) => () => createPath({ agents: 1, latencyMs: 60_000, spells: [spell] });

const AUGUST = 'Duo’s own report: https://status.duo.com/incidents/x2pk62cj53hw';
const AUGUST_FROM_MS = Date.UTC(2020, 7, 7, 13, 35);
const AUGUST_TO_MS = Date.UTC(2020, 7, 7, 19, 45);

export const duo2020 = (): ScenarioSetup => ({
  ...COMMON,
  name: 'duo-2020-08',
  title: 'Duo, August 2020: the source recovers, and the poller’s cursor has moved on',
  facts: [
    established('On 7 August 2020 authentication logs were delayed from 13:35 to 19:45 UTC.', AUGUST),
    established(
      'Customers who move the logs to a SIEM through the API had to fetch those of that time by hand and import them.',
      AUGUST,
    ),
  ],
  assumptions: [
    'The source shows nothing from 13:35 on and all of it at 19:45 UTC.',
    'The SIEM’s poller asks every five minutes for events by their own time since its last poll, with ten minutes of overlap; its cursor moves by the clock. Nobody fetches by hand within the two days of the run.',
    ONE_PATH,
    LOOKS,
  ],
  startMs: Date.UTC(2020, 7, 7),
  endMs: Date.UTC(2020, 7, 9),
  onsetMs: AUGUST_FROM_MS,
  overMs: AUGUST_TO_MS,
  noticedMs: null,
  pattern: 'outage',
  pipeline: pipeline('siem'),
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 15 * MINUTE_MS,
    lostAfterMs: 4 * HOUR_MS,
  },
  path: pathOf(
    polledLate({
      agent: 0,
      fromMs: AUGUST_FROM_MS,
      toMs: AUGUST_TO_MS,
      poller: { everyMs: 5 * MINUTE_MS, overlapMs: 10 * MINUTE_MS },
    }),
  ),
});

const JUNE = 'Duo’s own report: https://status.duo.com/incidents/pythwncm9hkv';
/** 18:41 EDT. */
const JUNE_FROM_MS = Date.UTC(2023, 5, 14, 22, 41);
const JUNE_RESTARTED_MS = Date.UTC(2023, 5, 15, 2, 5);
const JUNE_BASELINE_MS = Date.UTC(2023, 5, 15, 2, 18);

export const duoJune2023 = (): ScenarioSetup => ({
  ...COMMON,
  name: 'duo-2023-06',
  title: 'Duo, June 2023: a log service is stuck after a deployment',
  facts: [
    established(
      'On 14 June 2023 a service of the log pipeline was stuck in an intermittent error state after a deployment that was complete at 18:41 EDT.',
      JUNE,
    ),
    established(
      'Its engineers were alerted at 20:00 EDT and began to restart it at 21:48; the restart was complete at 22:05, and the latency back at its baseline at 22:18.',
      JUNE,
    ),
    established('The system recovered fully.', JUNE),
  ],
  assumptions: [
    'Nothing passes from 18:41 EDT to the end of the restart; what was held then arrives in order until 22:18.',
    ONE_PATH,
    LOOKS,
  ],
  startMs: Date.UTC(2023, 5, 14, 6),
  endMs: Date.UTC(2023, 5, 16),
  onsetMs: JUNE_FROM_MS,
  overMs: JUNE_BASELINE_MS,
  noticedMs: Date.UTC(2023, 5, 15, 0),
  pattern: 'stall then burst',
  pipeline: pipeline('admin-api'),
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 10 * MINUTE_MS,
    lostAfterMs: HOUR_MS,
  },
  path: pathOf(
    stalled({
      agent: 0,
      fromMs: JUNE_FROM_MS,
      restartMs: JUNE_RESTARTED_MS,
      holdsMs: Number.POSITIVE_INFINITY,
      drainMs: JUNE_BASELINE_MS - JUNE_RESTARTED_MS,
    }),
  ),
});

const SEPTEMBER = 'Duo’s own report: https://status.duo.com/incidents/cp1rl1hw2zpx';
/** 13:27 EDT. */
const SEPTEMBER_ALERT_MS = Date.UTC(2023, 8, 11, 17, 27);
const SEPTEMBER_FROM_MS = SEPTEMBER_ALERT_MS - 15 * MINUTE_MS;
const SEPTEMBER_BACK_MS = Date.UTC(2023, 8, 12, 9, 1);
const SEPTEMBER_DRAIN_MS = 29 * MINUTE_MS;

export const duoSeptember2023 = (): ScenarioSetup => ({
  ...COMMON,
  name: 'duo-2023-09',
  title: 'Duo, September 2023: expired certificates hold the logs up for half a day',
  facts: [
    established(
      'On 11 September 2023 expired certificates in the log pipeline held up authentication logs. Engineers were alerted at 13:27.',
      SEPTEMBER,
    ),
    established(
      'The certificates were renewed and the service restarted; logs flowed again at 05:01 the next day. No logs were lost.',
      SEPTEMBER,
    ),
  ],
  assumptions: [
    'The report’s timeline is taken to be in EDT, and the flow to have stopped a quarter of an hour before the alert.',
    'What was held arrives in order over 29 minutes, up to when the status page said “monitoring”.',
    'A canary counts as lost only after 24 hours, so that a long delay is told as one.',
    ONE_PATH,
    LOOKS,
  ],
  startMs: Date.UTC(2023, 8, 11),
  endMs: Date.UTC(2023, 8, 13),
  onsetMs: SEPTEMBER_FROM_MS,
  overMs: SEPTEMBER_BACK_MS + SEPTEMBER_DRAIN_MS,
  noticedMs: SEPTEMBER_ALERT_MS,
  pattern: 'stall then burst',
  pipeline: pipeline('admin-api'),
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 10 * MINUTE_MS,
    lostAfterMs: 24 * HOUR_MS,
  },
  path: pathOf(
    stalled({
      agent: 0,
      fromMs: SEPTEMBER_FROM_MS,
      restartMs: SEPTEMBER_BACK_MS,
      holdsMs: Number.POSITIVE_INFINITY,
      drainMs: SEPTEMBER_DRAIN_MS,
    }),
  ),
});
