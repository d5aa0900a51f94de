/** Microsoft, September 2024: monitoring agents stop uploading one after another, and look healthy. As the vendor, and as a customer. */
import { stalled } from '../scenario-models.ts';
import { createPath, type Spell } from '../scenario-path.ts';
import {
  DAY_MS,
  established,
  HOUR_MS,
  MINUTE_MS,
  reported,
  type Scale,
  type ScenarioSetup,
} from '../scenario-setup.ts';

const ONSET_MS = Date.UTC(2024, 8, 2, 23);
const RESTARTS_MS = Date.UTC(2024, 8, 19);
const RESTARTS_TAKE_MS = 12 * HOUR_MS;
/** 5 September began then. */
const NOTICED_MS = Date.UTC(2024, 8, 5);
const TAU_MS = 60 * DAY_MS;
const CACHE_MS = DAY_MS;
const DRAIN_MS = 10 * MINUTE_MS;
const AGENTS = 1_000;

const REVIEW =
  'Preliminary post incident review, as sent to customers: https://m365admin.handsontek.net/multiple-services-partially-incomplete-log-data-due-to-monitoring-agent-issue/';
const PRESS =
  'Help Net Security, 18 October 2024: https://www.helpnetsecurity.com/2024/10/18/microsoft-lost-cloud-security-logs/';
const PRESS_OCTOBER =
  'Press on the review’s affected services, October 2024: https://larecrenantes.fr/?p=23885';

const FACTS = [
  established(
    'From about 23:00 UTC on 2 September 2024 a bug in an internal monitoring agent made some of the agents malfunction when they uploaded log data.',
    REVIEW,
  ),
  established(
    'Log data of the affected services was partially incomplete. The uptime of services was not affected.',
    REVIEW,
  ),
  established('It was detected on 5 September: 49 to 73 hours after the onset.', REVIEW),
  established(
    'From 19 September on agents or their hosts were restarted periodically. Completeness improved, with occasional delays.',
    REVIEW,
  ),
  reported('A fix to the log-collection service, rolled out before, triggered the bug.', PRESS),
  reported('Some of the log data could not be recovered.', PRESS),
  reported('Some services were affected until 3 October.', PRESS_OCTOBER),
];

const ASSUMED = [
  'Agents stall one by one, each for itself: by t after the onset a share of 1 − e^(−t/τ) has, with τ = 60 days, so that about a quarter has by 19 September. How many really did isn’t published.',
  'A stalled agent goes on taking in and caching events and answers its health checks. Its cache is a ring that holds 24 hours of events; when it is full the oldest is overwritten. A restart ships what is left within ten minutes.',
  'Each agent is restarted once, between 00:00 and 12:00 UTC on 19 September, and doesn’t stall again: later restarts are taken to come before anything is late.',
  'It is taken to have been noticed as 5 September began, the earliest that the facts allow.',
  'Nothing is late or lost by chance except 2 in 100,000 canaries that come late.',
  'coalmine looks just after every deadline and needs two seconds for it; the looks themselves never fail.',
];

/** When each agent stalls, by the exponential that is assumed; restarts in an order of their own. */
function stalls(agents: number, random: () => number): Spell[] {
  const spells: Spell[] = [];
  for (let agent = 0; agent < agents; agent++) {
    const fromMs = ONSET_MS + Math.round(-Math.log1p(-random()) * TAU_MS);
    const restartMs = RESTARTS_MS + Math.round(random() * RESTARTS_TAKE_MS);
    if (fromMs < restartMs)
      spells.push(stalled({ agent, fromMs, restartMs, holdsMs: CACHE_MS, drainMs: DRAIN_MS }));
  }
  return spells;
}

const COMMON = {
  startMs: Date.UTC(2024, 8, 2, 12),
  endMs: Date.UTC(2024, 8, 20),
  onsetMs: ONSET_MS,
  overMs: RESTARTS_MS + RESTARTS_TAKE_MS,
  noticedMs: NOTICED_MS,
  facts: FACTS,
  noise: { late: 0.00002, lost: 0 },
  eventsPerHour: 1_200_000,
} as const;

const pathOf = (agents: number) => (random: () => number) =>
  createPath({ agents, latencyMs: 90_000, spells: stalls(agents, random) });

export const microsoftVendor = ({ agents = AGENTS, endMs = COMMON.endMs }: Scale = {}): ScenarioSetup => ({
  ...COMMON,
  endMs,
  name: 'microsoft-2024-09',
  title: 'Microsoft, September 2024, as the vendor: agents that stall one by one',
  assumptions: [...ASSUMED, 'There are 1,000 agents, and the vendor has a canary in each, every minute.'],
  pattern: 'stall and overwrite',
  canaries: 'pinned',
  pipeline: {
    name: 'platform-logs',
    title: 'Platform logs',
    checkpoint: 'log-platform',
    agent: 'agent',
    objective: { onTime: 0.999, delivered: 0.999 },
    falseAlarmsPerYear: 1,
    holdsMs: CACHE_MS,
    volume: true,
  },
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 15 * MINUTE_MS,
    lostAfterMs: 6 * HOUR_MS,
  },
  path: pathOf(agents),
});

export const microsoftCustomer = ({ agents = AGENTS, endMs = COMMON.endMs }: Scale = {}): ScenarioSetup => ({
  ...COMMON,
  endMs,
  name: 'microsoft-2024-09-customer',
  title: 'Microsoft, September 2024, as a customer: a share of the sign-in logs is missing',
  assumptions: [
    ...ASSUMED,
    'A customer’s sign-ins meet any of 1,000 agents, each time another: a canary a minute is lost as often as real sign-ins are.',
  ],
  pattern: 'growing',
  canaries: 'unpinned',
  eventsPerHour: 3_000,
  pipeline: {
    name: 'entra-sign-ins',
    title: 'Entra sign-ins',
    checkpoint: 'sentinel',
    agent: 'tenant',
    objective: { onTime: 0.99, delivered: 0.999 },
    falseAlarmsPerYear: 1,
    volume: true,
  },
  defaults: {
    everyMs: MINUTE_MS,
    covered: 1,
    sampling: 'uniform',
    onTimeWithinMs: 15 * MINUTE_MS,
    lostAfterMs: 6 * HOUR_MS,
  },
  path: pathOf(agents),
});
